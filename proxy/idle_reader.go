package proxy

import (
	"io"
	"net"
	"sync"
	"syscall"
)

// A idleReader reads one side of a tunnel. Most WebSockets are silent most of the time,
// so while a idleReader waits it holds no buffer, and little stack: it does not wait
// inside crypto/tls, but below it, for the socket.
type idleReader struct {
	conn  net.Conn        // what is read
	under *conn           // the socket, where conn is TLS over it; else nil
	raw   syscall.RawConn // of the socket; nil where waiting takes a buffer
	try   func(fd uintptr) bool
	pool  *sync.Pool // of *[]byte

	early       []byte // read before there was a tunnel
	wire, plain *[]byte
	n           int   // what was read into wire, and not taken
	err         error // behind what is to be taken
}

// idleClient returns the reader of a client's connection. What was read ahead of it is
// the beginning of what it gives.
func idleClient(c *clientConn) idleReader {
	t := idleReader{conn: c.wire, pool: c.proxy.bodies, early: c.in.Rest(), raw: rawOf(c.socket.Conn)}
	switch {
	case !c.request.secure:
		t.early = append(t.early, c.socket.ahead...)
		c.socket.ahead = nil
	case t.raw != nil:
		t.under = c.socket
		t.under.tapped = true
		t.drain()
	}
	return t
}

// idleUpstream returns the reader of a connection to an upstream.
func idleUpstream(up *upstreamConn, pool *sync.Pool) idleReader {
	return idleReader{conn: up.Conn, pool: pool, early: up.in.Rest(), raw: rawOf(up.Conn)}
}

// drain takes what crypto/tls holds already: wait asks the socket alone.
func (t *idleReader) drain() {
	early := t.early
	t.early, t.plain = nil, t.loan()
	piece, err := t.take()
	for ; err == nil; piece, err = t.take() {
		early = append(early, piece...)
	}
	t.early = early // and behind it errDry, or the end
	t.release()
}

// wait returns nil once there is something to take, be it the end. Its error is
// that of a deadline.
func (t *idleReader) wait() error {
	t.release()
	if len(t.early) > 0 || t.err != nil {
		return nil
	}
	err := t.read()
	switch {
	case isTimeout(err):
		return err
	case t.under == nil:
		t.err = err
	default: // crypto/tls knows what an end means here
		t.under.ahead, t.under.end = t.got(), err
		t.plain = t.loan()
	}
	return nil
}

func (t *idleReader) read() (err error) {
	if t.raw == nil {
		t.wire = t.loan()
		t.n, err = t.conn.Read(*t.wire)
		return err
	}
	if t.try == nil {
		t.try = t.attempt
	}
	if err := t.raw.Read(t.try); err != nil {
		return err
	}
	err, t.err = t.err, nil
	return err
}

// attempt reads from a socket that does not block. It returns false when there is
// nothing, and is called again when there may be.
func (t *idleReader) attempt(fd uintptr) bool {
	t.wire = t.loan()
	n, err := readNow(fd, *t.wire)
	switch {
	case err == syscall.EAGAIN:
		t.release()
		return false
	case err == nil && n == 0:
		err = io.EOF
	}
	t.n, t.err = max(n, 0), err
	return true
}

// take returns the next piece without waiting, valid until the next call; errDry
// when there is no more, and at last the end.
func (t *idleReader) take() ([]byte, error) {
	switch {
	case len(t.early) > 0:
		early := t.early
		t.early = nil
		return early, nil
	case t.n > 0:
		return t.got(), nil
	case t.err != nil:
		return nil, t.err
	case t.plain != nil:
		n, err := t.conn.Read(*t.plain)
		if err != nil && err != error(errDry) {
			t.err = err
		}
		if n > 0 {
			return (*t.plain)[:n], nil
		}
		return nil, err
	}
	return nil, errDry
}

// got is what was read into wire, and counts as taken then.
func (t *idleReader) got() []byte {
	if t.n == 0 {
		return nil
	}
	n := t.n
	t.n = 0
	return (*t.wire)[:n]
}

func (t *idleReader) loan() *[]byte { return t.pool.Get().(*[]byte) }

// release gives back what is on loan.
func (t *idleReader) release() {
	for _, loan := range []**[]byte{&t.wire, &t.plain} {
		if *loan != nil {
			t.pool.Put(*loan)
			*loan = nil
		}
	}
}

// errDry is what crypto/tls reads from a socket that an idleReader waits for. It is
// temporary, as a read past its deadline is: the connection goes on behind it.
var errDry net.Error = dryError{}

type dryError struct{}

func (dryError) Error() string   { return "nothing has arrived" }
func (dryError) Timeout() bool   { return false }
func (dryError) Temporary() bool { return true }
