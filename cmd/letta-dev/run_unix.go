//go:build !windows

package main

import "syscall"

// become replaces this process with a program; it returns only if it could not.
func become(path string, argv, environ []string) error { return syscall.Exec(path, argv, environ) }
