package proxy

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/letta-dev/letta-dev/proxy/http1"
)

// A fuse makes a hook panic once, from the moment it is lit.
type fuse struct{ lit atomic.Bool }

func (f *fuse) burn() {
	if f.lit.CompareAndSwap(true, false) {
		panic("boom")
	}
}

// A stuckSource is a body of which a piece came, and no more does until it is abandoned.
type stuckSource struct {
	begun, reading atomic.Bool
	waits, over    chan struct{}
}

func (s *stuckSource) next() ([]byte, error) {
	if s.begun.CompareAndSwap(false, true) {
		return []byte("ab"), nil
	}
	s.reading.Store(true)
	defer s.reading.Store(false)
	close(s.waits)
	<-s.over
	return nil, errors.New("abandoned")
}

func (s *stuckSource) trailer() http1.Fields { return nil }
func (s *stuckSource) whole() bool           { return false }
func (s *stuckSource) beforeWait(func())     {}
func (s *stuckSource) abandon() bool         { close(s.over); return true }

// A brokenSink panics at the head of an answer, once the body is waited for.
type brokenSink struct {
	sink
	after <-chan struct{}
}

func (s brokenSink) begin(*http1.Response) error { <-s.after; panic("boom") }

// Behind a panic nobody reads a body: the buffer it is read into goes to the next stream.
func TestPanicBesideAnUpload(t *testing.T) {
	up := startRaw(t, func(c *rawConn) {
		io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
		io.Copy(io.Discard, c.in)
	})
	var written bytes.Buffer
	var got Access
	g := startAt(t, up.addr, func(c *Config) {
		c.ErrorLog = log.New(&written, "", 0)
		c.Access = func(a *Access) { got = *a }
	})
	r := &request{major: 2, listener: &g.proxy.config.Listeners[0]}
	r.Method, r.Path, r.Host, r.Framing = "POST", "/", "localhost", http1.Framing{Kind: http1.Chunked}
	x := g.proxy.newExchange(r)
	body := &stuckSource{waits: make(chan struct{}), over: make(chan struct{})}
	x.body, x.out, x.ctx = body, brokenSink{after: body.waits}, t.Context()
	if x.run() || body.reading.Load() {
		t.Errorf("behind the panic: broken %v, its body is read: %v", x.broken, body.reading.Load())
	}
	if len(g.proxy.rest.idle) > 0 || x.held != nil {
		t.Error("the connection to the upstream is kept")
	}
	if got.Cause != "panic: boom" || !strings.Contains(written.String(), "panic_test.go") {
		t.Errorf("cause %q, log %q", got.Cause, written.String())
	}
}

// A panic ends what it happened in. Everything else goes on, and the stop waits for nothing.
func TestPanicInAnExchange(t *testing.T) {
	for _, hook := range []string{"clock", "record"} {
		var now, access fuse
		g := start(t, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/panic" {
				now.lit.Store(hook == "clock")
				access.lit.Store(hook == "record")
			}
		}), func(c *Config) {
			record := c.Access
			c.Now = func() time.Time { now.burn(); return time.Now() }
			c.Access = func(a *Access) { access.burn(); record(a) }
		})
		g.each(t, func(t *testing.T, w wire) {
			res, err := w.client.Do(w.request(t, "GET", "/panic", nil))
			if err == nil {
				res.Body.Close()
			} else if hook == "record" && w.proto == "HTTP/1.1" {
				t.Errorf("%s: the answer was there already: %v", hook, err)
			}
			if hook == "clock" {
				if a := g.access(t); a.Cause != "panic: boom" {
					t.Errorf("%s: %+v", hook, a)
				}
			}
			if res, _ := w.do(t, "GET", "/", nil); res.StatusCode != 200 {
				t.Errorf("%s: the next request: %d", hook, res.StatusCode)
			}
			g.access(t)
		})
		if err := g.stop(); err != nil || len(g.proxy.streams.live) > 0 {
			t.Errorf("%s: %v, %d streams are left", hook, err, len(g.proxy.streams.live))
		}
	}
}

// A panic before there is a request ends that connection alone.
func TestPanicInAHandshake(t *testing.T) {
	var certificate fuse
	g := start(t, echo(), func(c *Config) {
		leaf := c.Certificate
		c.Certificate = func(h *tls.ClientHelloInfo) (*tls.Certificate, error) { certificate.burn(); return leaf(h) }
	})
	certificate.lit.Store(true)
	if err := g.raw(t, g.addr, true).(*tls.Conn).Handshake(); err == nil || isTimeout(err) {
		t.Errorf("the handshake ended with %v", err)
	}
	if res, _ := g.wires(g.addr)[1].do(t, "GET", "/", nil); res.StatusCode != 200 {
		t.Errorf("the next one: %d", res.StatusCode)
	}
}

// A brittleConn panics when it is read, once its fuse is lit.
type brittleConn struct {
	net.Conn
	*fuse
}

func (c brittleConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.burn()
	return n, err
}

func (c brittleConn) CloseWrite() error { return closeWrite(c.Conn) }

// A panic in a WebSocket ends that one.
func TestPanicInAWebSocket(t *testing.T) {
	up := startWS(t, echoBytes)
	var read, access fuse
	g := startAt(t, up.addr, func(c *Config) {
		c.REST.Dial = func(ctx context.Context) (net.Conn, error) {
			socket, err := dialer(up.addr)(ctx)
			return brittleConn{socket, &read}, err
		}
		record := c.Access
		c.Access = func(a *Access) { access.burn(); record(a) }
	})
	_, other := g.upgrade(t, g.addr, true)
	for name, f := range map[string]*fuse{"while relaying": &read, "in its record": &access} {
		_, broken := g.upgrade(t, g.addr, true)
		f.lit.Store(true)
		if f == &access {
			broken.Conn.(*tls.Conn).CloseWrite()
		} else {
			io.WriteString(broken, "hi")
		}
		if _, err := io.Copy(io.Discard, broken.r); isTimeout(err) {
			t.Errorf("%s: the connection stays", name)
		}
		if f == &read {
			if a := g.access(t); a.Cause != "relaying from the upstream: panic: boom" {
				t.Errorf("%+v", a)
			}
		}
	}
	io.WriteString(other, "still here")
	if _, err := io.ReadFull(other.r, make([]byte, len("still here"))); err != nil {
		t.Errorf("the other WebSocket: %v", err)
	}
	if err := g.stop(); err != nil {
		t.Error(err)
	}
}
