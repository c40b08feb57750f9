//go:build !windows

package listen

import "syscall"

const (
	errInUse     = syscall.EADDRINUSE
	errDenied    = syscall.EACCES
	errNoAddress = syscall.EADDRNOTAVAIL
	errNoFamily  = syscall.EAFNOSUPPORT
)
