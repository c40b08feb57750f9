package proxy

import (
	"io"
	"net"
	"sync"
	"time"

	"github.com/letta-dev/letta-dev/crash"
)

// A coalescingConn makes one write of what is written to a connection in quick succession,
// without keeping any of it back: a write begins at once, and what comes while
// it is on its way is the next one. net/http's server of HTTP/2 writes the head and
// the body of an answer one after the other, and the answers of all streams so; half
// of what a small one costs is system calls.
type coalescingConn struct {
	net.Conn
	proxy *Proxy

	mu      sync.Mutex
	changed sync.Cond // of all below
	waiting *[]byte   // on loan; nil: nothing waits
	n       int       // bytes that wait
	sending bool      // a goroutine runs
	err     error     // of the write that ended it for good
	spoken  bool      // HTTP/2
}

// coalesce begins to coalesce what is written to a client, and takes its place among what
// has to end, until it is closed.
func (p *Proxy) coalesce(c *conn) *coalescingConn {
	g := &coalescingConn{Conn: c.Conn, proxy: p}
	g.changed.L = &g.mu
	p.conns.replace(c, g)
	return g
}

// Read gives the reset of a connection that was never used, which browsers open in advance, as its end: net/http's server would log it.
func (g *coalescingConn) Read(p []byte) (int, error) {
	n, err := g.Conn.Read(p)
	if err != nil && isReset(err) && !g.hasSpoken() {
		err = io.EOF
	}
	return n, err
}

// Write waits only for room, so an error is that of a write before.
func (g *coalescingConn) Write(p []byte) (written int, err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for len(p) > 0 {
		for g.waiting != nil && g.n == len(*g.waiting) && g.err == nil {
			g.changed.Wait()
		}
		if g.err != nil {
			return written, g.err
		}
		if g.waiting == nil {
			g.waiting = g.proxy.bodies.Get().(*[]byte)
		}
		n := copy((*g.waiting)[g.n:], p)
		g.n, p, written = g.n+n, p[n:], written+n
		if !g.sending {
			g.sending = true
			go g.send()
		}
	}
	return written, nil
}

// send writes until nothing waits.
func (g *coalescingConn) send() {
	defer crash.Recover()
	g.mu.Lock()
	defer g.mu.Unlock()
	for g.waiting != nil && g.err == nil {
		buf, n := g.waiting, g.n
		g.waiting, g.n = nil, 0
		g.changed.Broadcast()
		g.mu.Unlock()
		_, err := g.Conn.Write((*buf)[:n])
		g.proxy.bodies.Put(buf)
		g.mu.Lock()
		g.err = err
	}
	g.sending = false
	g.changed.Broadcast()
}

// SetWriteDeadline lets what was written go out before a deadline that has passed:
// crypto/tls sets one behind the alert that ends a connection.
func (g *coalescingConn) SetWriteDeadline(t time.Time) error {
	if !t.IsZero() && !t.After(time.Now()) {
		g.mu.Lock()
		for g.sending {
			g.changed.Wait()
		}
		g.mu.Unlock()
	}
	return g.Conn.SetWriteDeadline(t)
}

// Close is that of [net.Conn].
func (g *coalescingConn) Close() error {
	g.proxy.conns.remove(g)
	return g.Conn.Close()
}

// speaks notes that the connection has been used.
func (g *coalescingConn) speaks() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.spoken = true
}

func (g *coalescingConn) hasSpoken() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.spoken
}

// stop ends a connection that was opened in advance, as browsers do: to net/http's
// server it is busy. The others it ends itself, each behind its streams.
func (g *coalescingConn) stop() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.spoken {
		g.Conn.Close()
	}
}

// cut closes the socket, since crypto/tls would give a peer that does not read 5 s
// for the alert.
func (g *coalescingConn) cut() { g.Conn.Close() }
