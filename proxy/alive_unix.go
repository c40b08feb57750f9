//go:build unix

package proxy

import (
	"cmp"
	"io"
	"net"
	"syscall"

	"golang.org/x/sys/unix"
)

// A liveness reports whether a connection at rest is still open, and silent: bytes
// that nobody asked for belong to no answer. It asks the kernel and reads nothing.
// The zero value is of a connection that is no socket, but TLS or an engine's stream:
// nobody can tell of those.
type liveness struct {
	raw  syscall.RawConn
	look func(fd uintptr) // a method value, made once
	byte [1]byte
	open bool
}

func (l *liveness) watch(c net.Conn) {
	if socket, ok := c.(syscall.Conn); ok {
		l.raw, _ = socket.SyscallConn() // it fails for a closed one, whose first write fails too
		l.look = l.peek
	}
}

func (l *liveness) canTell() bool { return l.raw != nil }

func (l *liveness) alive() bool {
	err := l.raw.Control(l.look)
	return err == nil && l.open
}

func (l *liveness) peek(fd uintptr) {
	_, err := peekNow(fd, l.byte[:])
	l.open = err == syscall.EAGAIN // else there is a byte, the end, or a failure
}

// sendsNoMore asks the kernel, and reads nothing, whether a client has ended its direction (io.EOF) or the connection: behind
// bytes that nobody has read, a Read would not tell.
func sendsNoMore(c net.Conn) (err error) {
	socket, ok := c.(syscall.Conn)
	if !ok {
		return nil
	}
	raw, err := socket.SyscallConn()
	if err != nil {
		return err
	}
	failed := raw.Control(func(fd uintptr) {
		wait := []unix.PollFd{{Fd: int32(fd), Events: pollEnd}}
		_, _ = unix.Poll(wait, 0) // where it fails it tells nothing
		switch got := wait[0].Revents; {
		case got&(unix.POLLERR|unix.POLLHUP&^pollEnd) != 0:
			err = syscall.ECONNRESET
		case got&pollEnd != 0:
			err = io.EOF
		}
	})
	return cmp.Or(failed, err)
}
