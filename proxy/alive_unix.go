//go:build unix

package proxy

import (
	"net"
	"syscall"

	"golang.org/x/sys/unix"
)

// alive reports whether a connection at rest is still open, and silent: bytes that
// nobody asked for belong to no answer. It asks the kernel and reads nothing.
func alive(c net.Conn) bool {
	socket, ok := c.(syscall.Conn)
	if !ok {
		return true // an engine's stream; a write will tell
	}
	raw, err := socket.SyscallConn()
	if err != nil {
		return false
	}
	open := false
	err = raw.Read(func(fd uintptr) bool {
		var b [1]byte
		_, _, err := unix.Recvfrom(int(fd), b[:], unix.MSG_PEEK|unix.MSG_DONTWAIT)
		open = err == unix.EAGAIN
		return true
	})
	return err == nil && open
}
