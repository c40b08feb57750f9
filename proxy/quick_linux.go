//go:build amd64 || arm64

package proxy

import (
	"errors"
	"io"
	"net"
	"sync"
	"syscall"
	"unsafe"
)

// A quickConn reads and writes a TCP socket by system calls that the scheduler is not
// told of, since with MSG_DONTWAIT they never wait. Told of one, it gives the rest of
// the program to another thread after 20 µs, and sending to the same machine takes
// about that long: it includes the receiving. On one CPU the changes of thread are a
// fifth of what an event or a message of a WebSocket costs.
type quickConn struct {
	*net.TCPConn
	raw     syscall.RawConn
	in, out quickCall
}

// A quickCall is a Read or a Write under way.
type quickCall struct {
	mu  sync.Mutex
	try func(fd uintptr) bool // a method value made once
	p   []byte
	n   int
	err error
}

// quick returns a connection that does the same as c, quickly where it is a socket. The
// race detector knows what the usual calls read and write, and nothing of these.
func quick(c net.Conn) net.Conn {
	socket, ok := c.(*net.TCPConn)
	if !ok || racing {
		return c
	}
	return newQuickConn(socket)
}

func newQuickConn(socket *net.TCPConn) net.Conn {
	raw, err := socket.SyscallConn()
	if err != nil { // it is closed already
		return socket
	}
	q := &quickConn{TCPConn: socket, raw: raw}
	q.in.try, q.out.try = q.receive, q.send
	return q
}

// Read is that of [net.Conn].
func (q *quickConn) Read(p []byte) (int, error) { return q.call(&q.in, q.raw.Read, "read", p) }

// Write is that of [net.Conn].
func (q *quickConn) Write(p []byte) (int, error) { return q.call(&q.out, q.raw.Write, "write", p) }

// call tries until there was something to do, or a deadline has passed.
func (q *quickConn) call(c *quickCall, do func(func(uintptr) bool) error, name string, p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.p, c.n, c.err = p, 0, nil
	err := do(c.try)
	c.p = nil
	if err == nil {
		err = c.err
	}
	if err == nil || err == io.EOF {
		return c.n, err
	}
	failure := &net.OpError{Op: name, Net: "tcp", Source: q.LocalAddr(), Addr: q.RemoteAddr(), Err: err}
	if inner := (*net.OpError)(nil); errors.As(err, &inner) { // of a deadline, or a closed connection
		failure.Err = inner.Err
	}
	return c.n, failure
}

// receive returns false when it has to be tried again once something has come.
func (q *quickConn) receive(fd uintptr) bool {
	c := &q.in
	if len(c.p) == 0 {
		return true
	}
	if c.n, c.err = readNow(fd, c.p); c.err == syscall.EAGAIN {
		return false
	}
	if c.n == 0 && c.err == nil {
		c.err = io.EOF
	}
	return true
}

// send returns false when it has to be tried again once there is room.
func (q *quickConn) send(fd uintptr) bool {
	c := &q.out
	for c.n < len(c.p) && c.err == nil {
		n, err := writeNow(fd, c.p[c.n:])
		if err == syscall.EAGAIN {
			return false
		}
		c.n, c.err = c.n+n, err
	}
	return true
}

// maxCall bounds, in bytes, how much one system call copies.
const maxCall = 64 << 10

// readNow and writeNow fail with EAGAIN where they would have to wait.

func readNow(fd uintptr, p []byte) (int, error) {
	return callNow(syscall.SYS_RECVFROM, fd, p, syscall.MSG_DONTWAIT)
}

func writeNow(fd uintptr, p []byte) (int, error) {
	return callNow(syscall.SYS_SENDTO, fd, p, syscall.MSG_DONTWAIT|syscall.MSG_NOSIGNAL)
}

func callNow(trap, fd uintptr, p []byte, flags uintptr) (int, error) {
	for {
		n, _, errno := syscall.RawSyscall6(trap, fd, uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(min(len(p), maxCall)), flags, 0, 0)
		switch errno {
		case 0:
			return int(n), nil
		case syscall.EINTR:
		default:
			return 0, errno
		}
	}
}
