package proxy

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
	"time"
)

// A lateContext is over, and does something when it is asked for that.
type lateContext struct {
	context.Context
	asked func()
}

func (c lateContext) Done() <-chan struct{} { c.asked(); return c.Context.Done() }

// A wait that is given up tells what is left then, which is not what was there at its beginning.
func TestTrackerCountsWhatIsLeft(t *testing.T) {
	over, cancel := context.WithCancel(t.Context())
	cancel()
	for ends, want := range map[int]string{0: "3 requests did not end", 2: "1 requests did not end", 3: "<nil>"} {
		var tr tracker
		live := make([]*conn, 3)
		for i := range live {
			live[i] = new(conn)
			tr.add(live[i])
		}
		err := tr.wait(lateContext{over, func() {
			for _, c := range live[:ends] {
				tr.remove(c)
			}
		}})
		if got := fmt.Sprint(err); got != want {
			t.Errorf("%d of 3 end: %v, want %q", ends, err, want)
		}
	}
}

// An oneListener lets in one connection, and tells what happens behind that.
type oneListener struct {
	net.Listener
	conn net.Conn
	next func()
}

func (l *oneListener) Accept() (net.Conn, error) {
	c := l.conn
	if l.conn = nil; c == nil {
		l.next()
		return nil, net.ErrClosed
	}
	return c, nil
}

// A connection is known before its goroutine runs: a stop behind the last accept finds it.
func TestDoorKnowsWhatItLetIn(t *testing.T) {
	server, client := net.Pipe()
	defer client.Close()
	p, known := new(Proxy), 0
	p.config.setDefaults()
	l := &oneListener{conn: server, next: func() {
		p.conns.mu.Lock()
		known = len(p.conns.live)
		p.conns.mu.Unlock()
		p.conns.stop()
	}}
	d := &acceptor{proxy: p, failed: make(chan error, 1)}
	d.acceptAll(&Listener{Listener: l})
	if known != 1 {
		t.Errorf("%d connections are known", known)
	}
	if err := p.conns.wait(t.Context()); err != nil {
		t.Error(err)
	}
}

// A readFunc is a body.
type readFunc func([]byte) (int, error)

func (f readFunc) Read(p []byte) (int, error) { return f(p) }
func (readFunc) Close() error                 { return nil }

// A stream is known while its empty body is waited for: the stop waits for it too.
func TestEmptyBodyIsWaitedForInSight(t *testing.T) {
	g := start(t, echo(), nil)
	var known int
	in := httptest.NewRequest("POST", "https://localhost/", readFunc(func([]byte) (int, error) {
		g.proxy.streams.mu.Lock()
		defer g.proxy.streams.mu.Unlock()
		known = len(g.proxy.streams.live)
		return 0, errors.New("reset")
	}))
	in.RequestURI, in.ContentLength, in.Header = "/", 0, http.Header{"Content-Length": {"0"}}
	server, client := net.Pipe()
	defer client.Close()
	defer server.Close()
	w := httptest.NewRecorder()
	g.proxy.serveHTTP2(w, in.WithContext(context.WithValue(t.Context(), connKey{}, &conn{Conn: server, listener: &g.proxy.config.Listeners[0]})))
	if known != 1 || w.Code != 400 || !strings.Contains(w.Body.String(), "Content-Length") {
		t.Errorf("%d streams are known; %d %s", known, w.Code, w.Body)
	}
}

// A connection on which HTTP/2 was agreed and nothing said ends with the others at rest: browsers open such in advance, and
// net/http's server would wait ten seconds for a word.
func TestUnusedConnectionDoesNotHoldUpTheStop(t *testing.T) {
	g := start(t, echo(), nil)
	c := tls.Client(g.raw(t, g.addr, false), &tls.Config{RootCAs: g.roots, ServerName: "localhost", NextProtos: []string{"h2"}})
	if err := c.Handshake(); err != nil {
		t.Fatal(err)
	}
	for begin, handedOver := time.Now(), false; !handedOver; runtime.Gosched() {
		if time.Since(begin) > patience {
			t.Fatal("it is not handed over")
		}
		g.proxy.conns.mu.Lock()
		for e := range g.proxy.conns.live {
			_, handedOver = e.(*coalescingConn)
		}
		g.proxy.conns.mu.Unlock()
	}
	c.SetDeadline(time.Now().Add(patience / 4))
	g.proxy.conns.stop()
	if _, err := io.Copy(io.Discard, c); isTimeout(err) {
		t.Error("it stays")
	}
	if err := g.proxy.conns.wait(t.Context()); err != nil {
		t.Error(err)
	}
}
