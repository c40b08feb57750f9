//go:build unix && !linux

package host

import "syscall"

// endsWithUs does nothing: only Linux can tie a process to its parent's end.
func endsWithUs(*syscall.SysProcAttr) {}
