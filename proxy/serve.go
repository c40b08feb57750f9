package proxy

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/letta-dev/letta-dev/crash"
)

// Serve accepts connections until ctx is done, then stops as the package comment
// says and returns nil. It returns an error when a listener fails, or when
// something could not be stopped. Serve works once.
func (p *Proxy) Serve(ctx context.Context) error {
	d := newAcceptor(p)
	server := p.newServer()
	ended := make(chan struct{})
	go func() {
		defer crash.Recover()
		defer close(ended)
		_ = server.Serve(d) // ends when d closes
	}()

	var failed error
	select {
	case <-ctx.Done():
	case failed = <-d.failed:
		failed = fmt.Errorf("the proxy stopped listening: %w", failed)
	}
	d.Close()
	<-ended
	return errors.Join(failed, p.shutdown(server))
}

// shutdown ends what runs once the listeners are closed: first what waits for
// nothing, then streams within Grace, then by force.
func (p *Proxy) shutdown(server *http.Server) error {
	p.stop()
	p.conns.stop()
	ctx, cancel := context.WithTimeout(context.Background(), p.config.Grace)
	defer cancel()
	waits := time.AfterFunc(p.limits.quietStop, p.config.Waiting)
	err := errors.Join(server.Shutdown(ctx), p.conns.wait(ctx), p.streams.wait(ctx)) // a stream outlives its connection
	waits.Stop()
	if err != nil {
		p.cut()
		p.streams.cut()
		p.conns.cut()
		server.Close()
		last, cancel := context.WithTimeout(context.Background(), p.limits.force)
		defer cancel()
		err = errors.Join(p.conns.wait(last), p.streams.wait(last))
	}
	for _, b := range append(p.pathRoutes.backends(), p.rest, p.ws, p.pass) {
		if b != nil {
			b.close()
		}
	}
	return err
}

// maxHeadBelow bounds what net/http reads of a head of HTTP/2, decoded: more ends without a page or a record. No browser sends that
// much: 180 cookies of 4 KiB for a host are the most that Chromium and Firefox keep.
const maxHeadBelow = 1 << 20

type connKey struct{}

// connOf returns the connection that a request of HTTP/2 came on.
func connOf(ctx context.Context) *conn {
	c, _ := ctx.Value(connKey{}).(*conn)
	return c
}

// newServer makes the server of HTTP/2 connections.
func (p *Proxy) newServer() *http.Server {
	protocols := new(http.Protocols)
	protocols.SetHTTP2(true)
	return &http.Server{
		Handler:                      http.HandlerFunc(p.serveHTTP2),
		Protocols:                    protocols,
		IdleTimeout:                  p.limits.idle,
		DisableGeneralOptionsHandler: true,         // the policy is asked first
		MaxHeaderBytes:               maxHeadBelow, // ours is smaller, and explains itself
		ErrorLog:                     p.config.ErrorLog,
		ConnState:                    changed,
		ConnContext: func(ctx context.Context, c net.Conn) context.Context {
			return context.WithValue(ctx, connKey{}, c.(*tls.Conn).NetConn())
		},
	}
}

// changed is told of each new state of a connection of HTTP/2: behind the first one
// it speaks.
func changed(wire net.Conn, state http.ConnState) {
	if g, ok := wire.(*tls.Conn).NetConn().(*conn).Conn.(*coalescingConn); ok && state != http.StateNew {
		g.speaks()
	}
}

// ending is what has to end when the proxy does: a connection or a stream.
type ending interface {
	stop() // begin nothing new
	cut()  // end now
}

// tracker knows what is under way.
type tracker struct {
	mu      sync.Mutex
	live    map[ending]bool
	stopped bool
	empty   chan struct{} // closed when live becomes empty; nil while nobody waits
}

func (t *tracker) add(e ending) { t.replace(nil, e) }

// replace notes what something has become. Nobody ends what it was from then on.
func (t *tracker) replace(old, e ending) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.live == nil {
		t.live = map[ending]bool{}
	}
	delete(t.live, old)
	t.live[e] = true
	if t.stopped {
		e.stop()
	}
}

func (t *tracker) remove(e ending) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.live, e)
	if len(t.live) == 0 && t.empty != nil {
		close(t.empty)
		t.empty = nil
	}
}

func (t *tracker) stop() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.stopped = true
	for e := range t.live {
		e.stop()
	}
}

// wait returns when nothing is under way any more, or an error when ctx ends before.
func (t *tracker) wait(ctx context.Context) error {
	t.mu.Lock()
	if len(t.live) == 0 {
		t.mu.Unlock()
		return nil
	}
	if t.empty == nil {
		t.empty = make(chan struct{})
	}
	empty := t.empty
	t.mu.Unlock()
	select {
	case <-empty:
		return nil
	case <-ctx.Done():
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if n := len(t.live); n > 0 {
		return fmt.Errorf("%d requests did not end", n)
	}
	return nil
}

func (t *tracker) cut() {
	t.mu.Lock()
	defer t.mu.Unlock()
	for e := range t.live {
		e.cut()
	}
}
