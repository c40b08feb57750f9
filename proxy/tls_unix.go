//go:build !windows

package proxy

import "syscall"

// resets are what the system says of a connection that its other end gave up.
func resets() []error { return []error{syscall.ECONNRESET, syscall.EPIPE} }
