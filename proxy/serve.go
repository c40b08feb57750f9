package proxy

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"sync"
)

// Serve accepts connections until ctx is done, then stops as the package comment
// says and returns nil. It returns an error when a listener fails, or when
// something could not be stopped. Serve works once.
func (p *Proxy) Serve(ctx context.Context) error {
	s := newSniffer(p.config.Listeners, p.tlsConfig(), p.limits.head, p.config.HandshakeFailed)
	fresh := &connSet{}
	server := p.newServer(fresh)
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(s) }()

	select {
	case <-ctx.Done():
		s.Close()
		<-failed
		return p.shutdown(server, fresh)
	case err := <-failed:
		return errors.Join(fmt.Errorf("the proxy stopped listening: %w", err), p.shutdown(server, fresh))
	}
}

// shutdown ends what runs once the listeners are closed: first what waits for
// nothing, then streams within Grace, then by force.
func (p *Proxy) shutdown(server *http.Server, fresh *connSet) error {
	p.stop()
	fresh.closeAll()
	ctx, cancel := context.WithTimeout(context.Background(), p.config.Grace)
	defer cancel()
	err := server.Shutdown(ctx)
	if err == nil {
		err = p.live.wait(ctx) // upgraded connections, which Shutdown does not know
	}
	p.cancelBase()
	if err != nil {
		server.Close()
		p.live.cut()
		last, cancel := context.WithTimeout(context.Background(), p.limits.head)
		defer cancel()
		err = p.live.wait(last)
	}
	for _, b := range []*backend{p.rest, p.ws, p.pass} {
		if b != nil {
			b.forwarder.close()
		}
	}
	return err
}

type connKey struct{}

// connOf returns the connection that a request came on.
func connOf(ctx context.Context) *conn {
	c, _ := ctx.Value(connKey{}).(*conn)
	return c
}

func (p *Proxy) newServer(fresh *connSet) *http.Server {
	errorLog := p.config.ErrorLog
	if errorLog == nil {
		errorLog = log.New(io.Discard, "", 0)
	}
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	protocols.SetHTTP2(true)
	return &http.Server{
		Handler:                      http.HandlerFunc(p.serveHTTP),
		Protocols:                    protocols,
		ReadHeaderTimeout:            p.limits.head, // the TLS handshake too
		IdleTimeout:                  p.limits.idle,
		MaxHeaderBytes:               maxHead - 4096, // net/http allows 4096 more than it is told
		DisableGeneralOptionsHandler: true,           // "OPTIONS *" obeys the policy as well
		ErrorLog:                     errorLog,
		BaseContext:                  func(net.Listener) context.Context { return p.base },
		ConnContext: func(ctx context.Context, c net.Conn) context.Context {
			if t, ok := c.(*tls.Conn); ok {
				c = t.NetConn()
			}
			return context.WithValue(ctx, connKey{}, c)
		},
		ConnState: fresh.note,
	}
}

// connSet holds the connections that have not sent a request yet, such as those
// browsers open in advance. Shutdown would wait 5 s for each.
type connSet struct {
	mu    sync.Mutex
	conns map[net.Conn]bool
	shut  bool
}

func (s *connSet) note(c net.Conn, state http.ConnState) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if state != http.StateNew {
		delete(s.conns, c)
		return
	}
	if s.shut {
		c.Close()
		return
	}
	if s.conns == nil {
		s.conns = map[net.Conn]bool{}
	}
	s.conns[c] = true
}

func (s *connSet) closeAll() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.shut = true
	for c := range s.conns {
		c.Close()
	}
}

// tracker knows the exchanges under way, upgraded ones included.
type tracker struct {
	mu    sync.Mutex
	live  map[*exchange]bool
	empty chan struct{} // closed when live becomes empty; nil while nobody waits
}

func (t *tracker) add(x *exchange) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.live == nil {
		t.live = map[*exchange]bool{}
	}
	t.live[x] = true
}

func (t *tracker) remove(x *exchange) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.live, x)
	if len(t.live) == 0 && t.empty != nil {
		close(t.empty)
		t.empty = nil
	}
}

// wait returns when no exchange is left, or an error when ctx ends before.
func (t *tracker) wait(ctx context.Context) error {
	t.mu.Lock()
	n := len(t.live)
	if n == 0 {
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
		return fmt.Errorf("%d requests did not end", n)
	}
}

// cut closes the connections that http.Server has given away.
func (t *tracker) cut() {
	t.mu.Lock()
	defer t.mu.Unlock()
	for x := range t.live {
		x.cut()
	}
}
