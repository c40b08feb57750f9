//go:build amd64 || arm64

package proxy

import (
	"cmp"
	"errors"
	"io"
	"net"
	"sync"
	"syscall"
	"unsafe"
)

// A nonblockingConn reads and writes a TCP socket by system calls that the scheduler is not
// told of, since with MSG_DONTWAIT they never wait. Told of one, it gives the rest of
// the program to another thread after 20 µs, and sending to the same machine takes
// about that long: it includes the receiving. On one CPU the changes of thread are a
// fifth of what an event or a message of a WebSocket costs.
type nonblockingConn struct {
	*net.TCPConn
	raw   syscall.RawConn
	calls *sync.Pool // of *quickCall, for all connections: most have none under way
}

// A quickCall is a Read or a Write under way.
type quickCall struct {
	receiving, sending func(fd uintptr) bool // method values, made once
	p                  []byte
	n                  int
	err                error
}

// quick returns a connection that does the same as c, quickly where it is a socket. The
// race detector knows what the usual calls read and write, and nothing of these.
func quick(c net.Conn, calls *sync.Pool) net.Conn {
	socket, ok := c.(*net.TCPConn)
	if !ok || racing {
		return c
	}
	return newQuickConn(socket, calls)
}

func newQuickConn(socket *net.TCPConn, calls *sync.Pool) net.Conn {
	raw, err := socket.SyscallConn()
	if err != nil { // it is closed already
		return socket
	}
	return &nonblockingConn{TCPConn: socket, raw: raw, calls: calls}
}

// SyscallConn is that of [syscall.Conn].
func (q *nonblockingConn) SyscallConn() (syscall.RawConn, error) { return q.raw, nil }

// Read is that of [net.Conn].
func (q *nonblockingConn) Read(p []byte) (int, error) {
	c := q.begin(p)
	return q.end(c, q.raw.Read(c.receiving), "read")
}

// Write is that of [net.Conn].
func (q *nonblockingConn) Write(p []byte) (int, error) {
	c := q.begin(p)
	return q.end(c, q.raw.Write(c.sending), "write")
}

func (q *nonblockingConn) begin(p []byte) *quickCall {
	c, _ := q.calls.Get().(*quickCall)
	if c == nil {
		c = new(quickCall)
		c.receiving, c.sending = c.receive, c.send
	}
	c.p = p
	return c
}

// end returns what a call has come to; err is that of a deadline, or of a closed connection.
func (q *nonblockingConn) end(c *quickCall, err error, name string) (int, error) {
	n, err := c.n, cmp.Or(err, c.err)
	c.p, c.n, c.err = nil, 0, nil
	q.calls.Put(c)
	if err == nil || err == io.EOF {
		return n, err
	}
	return n, q.failed(name, err)
}

func (q *nonblockingConn) failed(name string, err error) error {
	failure := &net.OpError{Op: name, Net: "tcp", Source: q.LocalAddr(), Addr: q.RemoteAddr(), Err: err}
	if inner := (*net.OpError)(nil); errors.As(err, &inner) {
		failure.Err = inner.Err
	}
	return failure
}

// receive returns false when it has to be tried again once something has come.
func (c *quickCall) receive(fd uintptr) bool {
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
func (c *quickCall) send(fd uintptr) bool {
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

// readNow, peekNow and writeNow fail with EAGAIN where they would have to wait.

func readNow(fd uintptr, p []byte) (int, error) {
	return callNow(syscall.SYS_RECVFROM, fd, p, syscall.MSG_DONTWAIT)
}

func peekNow(fd uintptr, p []byte) (int, error) {
	return callNow(syscall.SYS_RECVFROM, fd, p, syscall.MSG_DONTWAIT|syscall.MSG_PEEK)
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
