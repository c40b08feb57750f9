//go:build !windows

package main

import (
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"
)

// jobControl are the signals of Ctrl-Z and fg.
func jobControl() map[string]os.Signal {
	return map[string]os.Signal{"suspend": syscall.SIGSTOP, "continue": syscall.SIGCONT}
}

func TestIsSuspended(t *testing.T) {
	sleeper := exec.Command("sleep", "60")
	if err := sleeper.Start(); err != nil {
		t.Skipf("NOT TESTED: a suspended process: %v", err)
	}
	t.Cleanup(func() { _ = sleeper.Process.Kill(); _ = sleeper.Wait() })
	becomes := func(want bool) {
		t.Helper()
		for late := time.Now().Add(patience); isSuspended(sleeper.Process.Pid) != want; time.Sleep(time.Millisecond) {
			if time.Now().After(late) {
				t.Fatalf("suspended is not %v in time", want)
			}
		}
	}
	becomes(false)
	if err := sleeper.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	becomes(true)
	if err := sleeper.Process.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	becomes(false)
}
