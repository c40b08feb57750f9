//go:build !windows

package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
)

// isAnothers says whether a process is one of another user's, to whom this one may send no signal.
func isAnothers(pid int) bool { return errors.Is(syscall.Kill(pid, 0), syscall.EPERM) }

// isSuspended says whether a process is stopped by a signal. Linux says so in /proc; ps says it everywhere.
func isSuspended(pid int) bool {
	if stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid)); err == nil {
		return strings.HasPrefix(string(stat[strings.LastIndexByte(string(stat), ')')+1:]), " T")
	}
	out, _ := exec.Command("ps", "-o", "stat=", "-p", fmt.Sprint(pid)).Output() // without ps it is not known
	return strings.HasPrefix(strings.TrimSpace(string(out)), "T")
}
