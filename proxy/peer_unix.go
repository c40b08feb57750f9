//go:build unix && !linux

package proxy

import "golang.org/x/sys/unix"

// pollEnd is how poll(2) says that the other end sends no more, and may still read.
const pollEnd = unix.POLLHUP
