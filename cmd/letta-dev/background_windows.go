package main

import (
	"syscall"

	"golang.org/x/sys/windows"
)

// detached starts a child without a console and outside of this one's process group, out of reach of its Ctrl-C.
func detached() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{CreationFlags: windows.DETACHED_PROCESS | windows.CREATE_NEW_PROCESS_GROUP}
}
