//go:build unix

package proxy

import (
	"net"
	"syscall"
)

// rawOf returns the socket of a connection, or nil.
func rawOf(c net.Conn) syscall.RawConn {
	if socket, ok := c.(syscall.Conn); ok {
		if raw, err := socket.SyscallConn(); err == nil {
			return raw
		}
	}
	return nil
}
