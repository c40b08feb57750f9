//go:build !windows

package main

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// What lies in the place of a lock is neither followed nor waited for.
func TestLockInTheWay(t *testing.T) {
	dir := t.TempDir()
	pipe, link := filepath.Join(dir, "pipe"), filepath.Join(dir, "link")
	if err := errors.Join(syscall.Mkfifo(pipe, 0o600), os.Symlink(filepath.Join(dir, "elsewhere"), link)); err != nil {
		t.Fatal(err)
	}
	lock := lockOf(pipe, nil)
	_, _ = lock.TryLock() // some systems lock it, some say no; it ends
	if err := lock.Unlock(); err != nil {
		t.Error(err)
	}
	if held, err := lockOf(link, nil).TryLock(); held || !errors.Is(err, syscall.ELOOP) && !errors.Is(err, syscall.EMLINK) {
		t.Errorf("%t, %v", held, err)
	}
	if _, err := os.Lstat(filepath.Join(dir, "elsewhere")); err == nil {
		t.Error("the link was followed")
	}
}
