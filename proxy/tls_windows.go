package proxy

import "golang.org/x/sys/windows"

// resets are what Winsock says of a connection that its other end gave up. The ECONNRESET of package syscall is a number
// of Go's own here, which no call returns.
func resets() []error { return []error{windows.WSAECONNRESET, windows.WSAECONNABORTED} }
