package proxy

import (
	"io"
	"net"
	"sync"
	"syscall"
)

// A tap reads one side of a tunnel. Most WebSockets are silent most of the time,
// so while a tap waits it holds no buffer, and little stack: it does not wait
// inside crypto/tls, but below it, for the socket.
type tap struct {
	conn  net.Conn
	under *conn           // the socket, where conn is TLS over it; else nil
	raw   syscall.RawConn // of the socket; nil where waiting takes a buffer
	try   func(fd uintptr) bool
	pool  *sync.Pool // of *[]byte
	early []byte     // read before there was a tunnel

	wire, plain *[]byte // on loan, between two waits
	n           int     // what is in wire
	err         error   // the end of it all
}

// tapClient returns the tap of a client's connection. What was read ahead of it is
// the beginning of what it gives.
func tapClient(c *clientConn) tap {
	t := tap{conn: c.wire, pool: c.proxy.bodies, early: c.in.Rest()}
	if c.request.secure {
		t.under = c.socket
	} else {
		t.early = append(t.early, c.socket.ahead...)
		c.socket.ahead = nil
	}
	t.raw = rawOf(c.socket.Conn)
	if t.raw != nil && t.under != nil {
		t.under.tapped = true
		t.drain()
	}
	return t
}

// drain takes what crypto/tls holds already, so that the goroutine of the tap
// begins by waiting: it has no deep stack before there is something to do.
func (t *tap) drain() {
	loan := t.pool.Get().(*[]byte)
	defer t.pool.Put(loan)
	for {
		n, err := t.conn.Read(*loan)
		t.early = append(t.early, (*loan)[:n]...)
		if err != nil {
			if err != error(errDry) {
				t.err = err
			}
			return
		}
	}
}

// tapUpstream returns the tap of a connection to an upstream.
func tapUpstream(up *upstreamConn, pool *sync.Pool) tap {
	return tap{conn: up.Conn, pool: pool, early: up.in.Rest(), raw: rawOf(up.Conn)}
}

// next waits for something and returns it, valid until the next call.
func (t *tap) next() ([]byte, error) {
	if early := t.early; len(early) > 0 {
		t.early = nil
		return early, nil
	}
	switch {
	case t.err != nil:
		return nil, t.err
	case t.raw == nil:
		return t.readBlocking()
	case t.under != nil:
		return t.readTLS()
	}
	err := t.wait()
	return t.got(), err
}

// readBlocking lends a buffer for as long as it waits.
func (t *tap) readBlocking() ([]byte, error) {
	if t.plain == nil {
		t.plain = t.pool.Get().(*[]byte)
	}
	n, err := t.conn.Read(*t.plain)
	return (*t.plain)[:n], err
}

// readTLS waits for the socket, and then takes from crypto/tls until that has run
// dry: it may hold several records, or none yet.
func (t *tap) readTLS() ([]byte, error) {
	for {
		if t.plain == nil {
			if err := t.wait(); isTimeout(err) {
				return nil, err
			} else if err != nil {
				t.under.end = err // crypto/tls knows what that means here
			}
			t.under.ahead, t.plain = t.got(), t.pool.Get().(*[]byte)
		}
		n, err := t.conn.Read(*t.plain)
		if n > 0 || err != nil && err != error(errDry) {
			return (*t.plain)[:n], err
		}
		t.release()
	}
}

// wait gives back what is on loan, and fills wire once there is something.
func (t *tap) wait() error {
	t.release()
	if t.try == nil {
		t.try = t.attempt
	}
	if err := t.raw.Read(t.try); err != nil {
		return err
	}
	return t.err
}

// got is what wait has read.
func (t *tap) got() []byte {
	if t.wire == nil {
		return nil
	}
	return (*t.wire)[:t.n]
}

// attempt reads from a socket that does not block. It returns false when there is
// nothing, and is called again when there may be.
func (t *tap) attempt(fd uintptr) bool {
	t.wire = t.pool.Get().(*[]byte)
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

// release gives back what is on loan.
func (t *tap) release() {
	for _, loan := range []**[]byte{&t.wire, &t.plain} {
		if *loan != nil {
			t.pool.Put(*loan)
			*loan = nil
		}
	}
}

// errDry is what crypto/tls reads from a socket that a tap waits for. It is
// temporary, as a read past its deadline is: the connection goes on behind it.
var errDry net.Error = dryError{}

type dryError struct{}

func (dryError) Error() string   { return "nothing has arrived" }
func (dryError) Timeout() bool   { return false }
func (dryError) Temporary() bool { return true }
