//go:build !windows

package main

import "syscall"

// detached puts a child into a session of its own, out of reach of the terminal's Ctrl-C and hang-up.
func detached() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setsid: true} }
