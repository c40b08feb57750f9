package proxy

import (
	"errors"
	"io"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/letta-dev/letta-dev/proxy/http1"
)

// A clientConn is a client's HTTP/1 connection. One goroutine serves its requests
// in their order; what it reads and writes through holds no buffer at rest.
type clientConn struct {
	proxy   *Proxy
	socket  *conn
	wire    net.Conn // what speaks HTTP: the socket, or TLS over it
	in      *http1.Reader
	out     *http1.Writer
	request request // used again and again

	body    http1.Body
	slow    bool        // the head of the request came in more than one read
	arrived atomic.Bool // all of the body has been read
	last    bool        // the connection closes behind the answer
	endless bool        // the answer has no end but the connection's
	taken   bool        // by the bridge
	watch   disconnectWatch

	webSocket *webSocket // what the connection has become; else nil

	limitHead func() // awaitHead, for Reader.Before

	informing sync.Mutex // held while an answer that is not final is written, perhaps for long
	awaits100 bool       // the client sends its body after a 100
	begun     bool       // the final answer has begun

	mu      sync.Mutex
	idle    bool // between two requests
	stopped bool // no further request is served
	current *exchange
}

// serve answers requests until the connection ends, or becomes a WebSocket.
func (c *clientConn) serve() {
	defer func() {
		if c.webSocket == nil {
			c.wire.Close()
		}
	}()
	for first := true; c.await(first); first = false {
		if !c.serveOne() {
			return
		}
	}
}

// await waits for the first byte of a request.
func (c *clientConn) await(first bool) bool {
	limit := c.proxy.limits.idle
	if first {
		limit = c.proxy.limits.head
	}
	if !c.setIdle(true) {
		return false
	}
	c.in.Before = nil
	if len(c.in.Buffered()) == 0 {
		clear(c.request.Fields) // they hold the head that they are cut from
		c.request.Request = http1.Request{Fields: c.request.Fields[:0]}
		c.wire.SetReadDeadline(time.Now().Add(limit))
	}
	return c.in.Wait() == nil
}

// setIdle returns false when the proxy stops: a request that has not begun by then
// never does.
func (c *clientConn) setIdle(idle bool) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.idle = idle
	return !c.stopped
}

// stop ends the connection once nothing is under way on it.
func (c *clientConn) stop() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stopped = true
	if c.idle {
		c.socket.Close()
	}
}

// cut ends the connection now.
func (c *clientConn) cut() {
	c.mu.Lock()
	x := c.current
	c.mu.Unlock()
	if x != nil {
		x.cut()
	}
	c.socket.Close()
}

// serving notes what the connection is busy with.
func (c *clientConn) serving(x *exchange) {
	c.mu.Lock()
	c.current = x
	c.mu.Unlock()
	c.informing.Lock()
	defer c.informing.Unlock()
	c.begun, c.awaits100 = false, x != nil && x.request.ExpectsContinue()
}

func (c *clientConn) newExchange() *exchange {
	x := c.proxy.newExchange(&c.request)
	x.body, x.out, x.conn = c, c, c
	c.serving(x)
	return x
}

// serveOne answers one request. It returns false when the connection has to end.
func (c *clientConn) serveOne() bool {
	r := &c.request
	c.slow, c.in.Before = false, c.limitHead
	err := c.in.Request(&r.Request)
	c.in.Before = nil
	if err != nil {
		c.refuse(err)
		return false
	}
	if !c.setIdle(false) {
		return false
	}
	if r.hasBody() {
		c.wire.SetReadDeadline(time.Time{})
	}
	c.body = c.in.Body(r.Framing)
	c.arrived.Store(c.body.Done())
	c.last, c.endless = !r.Persistent(), false
	x := c.newExchange()
	whole := x.run()
	c.serving(nil)
	c.in.Before = nil
	switch {
	case c.taken, c.webSocket != nil:
		return false
	case !whole:
		c.abort()
		return false
	case c.last || !c.body.Done(): // something may be unread, even behind a whole body
		c.linger()
		return false
	}
	return true
}

// abort ends a connection whose answer broke off. Where its end is the end of the
// answer, only a reset tells the two apart.
func (c *clientConn) abort() {
	if socket, ok := c.socket.Conn.(interface{ SetLinger(sec int) error }); ok && c.endless {
		_ = socket.SetLinger(0)
		c.socket.Close()
	}
}

// awaitHead gives a head that did not come at once the time that a head may take.
func (c *clientConn) awaitHead() {
	if !c.slow {
		c.slow = true
		c.wire.SetReadDeadline(time.Now().Add(c.proxy.limits.head))
	}
}

// refuse answers what is no request.
func (c *clientConn) refuse(err error) {
	var malformed *http1.Error
	if !errors.As(err, &malformed) {
		return // the connection ended, or its time
	}
	c.last = true
	c.request.Request = http1.Request{Method: c.request.Method, Target: c.request.Target, Fields: c.request.Fields, Minor: 1}
	x := c.newExchange()
	x.sendError(malformedHead(malformed))
	x.finish()
	c.linger()
}

// linger gives an answer time to arrive before the connection closes: closing one
// with unread bytes resets it, and the answer may be lost (RFC 9112, section 9.6).
func (c *clientConn) linger() {
	if closeWrite(c.wire) != nil {
		return
	}
	c.wire.SetReadDeadline(time.Now().Add(c.proxy.limits.linger))
	_, _ = io.CopyN(io.Discard, c.wire, lingerBytes) // whatever ends it, the connection is over
}

// lingerBytes is how much of a body nobody wants is read before a connection closes:
// clients that are told of a limit have mostly begun to send what is above it.
const lingerBytes = 64 << 20

// The methods of a source.

func (c *clientConn) next() ([]byte, error) {
	c.ask()
	piece, err := c.body.Next()
	c.arrived.Store(c.body.Done())
	return piece, err
}

// skip reads the rest of a body that nobody wants, if it is here already: then the
// connection can go on behind the answer.
func (c *clientConn) skip() {
	for !c.arrived.Load() && c.body.Arrived() {
		_, _ = c.body.Next()
		c.arrived.Store(c.body.Done())
	}
}

// ask asks a client for its body that waits for that, unless it has its answer.
func (c *clientConn) ask() {
	c.informing.Lock()
	defer c.informing.Unlock()
	if c.awaits100 && !c.begun {
		c.awaits100 = false
		c.write1xx(http.StatusContinue, nil)
	}
}

func (c *clientConn) trailer() http1.Fields { return c.body.Trailer() }

func (c *clientConn) whole() bool {
	return c.body.Arrived() && !c.awaits100
}

func (c *clientConn) beforeWait(f func()) { c.in.Before = f }

func (c *clientConn) abandon() (ended bool) {
	c.last = true
	c.wire.SetReadDeadline(time.Unix(1, 0))
	return true
}

// The methods of a sink.

func (c *clientConn) inform(status int, fields http1.Fields) {
	c.informing.Lock()
	defer c.informing.Unlock()
	c.write1xx(status, fields)
}

// write1xx meets an error that the final answer meets as well. HTTP/1.0 knows no
// such answers (RFC 9110, section 15.2).
func (c *clientConn) write1xx(status int, fields http1.Fields) {
	if c.request.Minor > 0 {
		c.out.Response(status, http.StatusText(status), fields, http1.Framing{})
		c.out.Flush()
	}
}

func (c *clientConn) begin(head *http1.Response) error {
	c.informing.Lock()
	c.begun = true
	c.informing.Unlock()
	c.mu.Lock()
	if !c.arrived.Load() || c.stopped { // the rest of the body may never come, or nobody waits for more
		c.last = true
	}
	c.mu.Unlock()
	framing, promised := head.Framing, head.Promised
	switch {
	case c.request.Minor == 0 && (framing.Kind == http1.Chunked || framing.Kind == http1.ToEnd):
		framing.Kind, c.last, c.endless = http1.ToEnd, true, true
	case c.request.Minor == 0 && promised.Kind == http1.Chunked: // HTTP/1.0 knows no codings
		promised = http1.Framing{}
	case framing.Kind == http1.ToEnd:
		framing.Kind = http1.Chunked
	}
	switch {
	case head.Status == http.StatusSwitchingProtocols:
	case c.last:
		value := "close"
		if own := head.Fields.Get("Connection"); own != "" { // of a 426 (RFC 9110, section 15.5.22)
			value = own + ", " + value
		}
		head.Fields.Set("Connection", value)
	case c.request.Minor == 0:
		head.Fields = append(head.Fields, http1.Field{Name: "Connection", Value: "keep-alive"})
	}
	if c.request.Method == "HEAD" || head.Status == http.StatusNotModified {
		return c.out.ResponseWithout(head.Status, head.Reason, head.Fields, promised)
	}
	return c.out.Response(head.Status, head.Reason, head.Fields, framing)
}

func (c *clientConn) piece(p []byte) error { return c.out.Piece(p) }

func (c *clientConn) end(trailer http1.Fields) error {
	if err := c.out.End(trailer); err != nil {
		return err
	}
	return c.out.Flush()
}

func (c *clientConn) flush() error { return c.out.Flush() }
