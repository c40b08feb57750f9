package proxy

import (
	"crypto/tls"
	"errors"
	"net"
	"sync"
	"time"
)

// sniffer is a net.Listener over several: each connection is delivered after its
// first byte, or, when that byte opens one, after a TLS handshake, as a *tls.Conn.
type sniffer struct {
	tls     *tls.Config   // nil: everything is plain
	timeout time.Duration // for the first byte, and for a handshake
	failed  func(HandshakeFailure)

	listeners []Listener
	conns     chan net.Conn
	done      chan struct{}
	wg        sync.WaitGroup

	mu      sync.Mutex
	err     error
	closed  bool
	waiting map[net.Conn]bool // accepted, and not far enough to be delivered
}

func newSniffer(listeners []Listener, config *tls.Config, timeout time.Duration, failed func(HandshakeFailure)) *sniffer {
	s := &sniffer{
		tls:       config,
		timeout:   timeout,
		failed:    failed,
		listeners: listeners,
		conns:     make(chan net.Conn),
		done:      make(chan struct{}),
		waiting:   map[net.Conn]bool{},
	}
	for i := range listeners {
		s.wg.Go(func() { s.acceptAll(&listeners[i]) })
	}
	return s
}

// acceptAll ends when the listener is closed. Running out of descriptors is not
// the end of a listener: it waits longer from failure to failure, up to a second,
// as net/http does.
func (s *sniffer) acceptAll(l *Listener) {
	var pause time.Duration
	for {
		c, err := l.Accept()
		if err == nil {
			pause = 0
			s.wg.Go(func() { s.sniff(&conn{Conn: c, listener: l}) })
			continue
		}
		var ne net.Error
		if errors.Is(err, net.ErrClosed) || !errors.As(err, &ne) {
			s.fail(err)
			return
		}
		pause = min(max(2*pause, 5*time.Millisecond), time.Second)
		select {
		case <-time.After(pause):
		case <-s.done:
			return
		}
	}
}

func (s *sniffer) sniff(c *conn) {
	if !s.wait(c) {
		c.Close()
		return
	}
	out, err := s.open(c)
	if !s.arrived(c) || err != nil {
		c.Close()
		return
	}
	select {
	case s.conns <- out:
	case <-s.done:
		c.Close()
	}
}

// open waits for the first byte, and for what it asks for.
func (s *sniffer) open(c *conn) (net.Conn, error) {
	first := make([]byte, 1)
	c.SetReadDeadline(time.Now().Add(s.timeout))
	_, err := c.Conn.Read(first)
	c.SetReadDeadline(time.Time{})
	if err != nil {
		return nil, err
	}
	c.ahead = first
	const hello = 0x16 // ContentType of a TLSPlaintext record: RFC 8446, section 5.1
	if s.tls == nil || first[0] != hello {
		return c, nil
	}
	return handshake(c, s.tls, s.timeout, s.failed)
}

// wait notes a connection that is not to be delivered yet, unless we are closed.
func (s *sniffer) wait(c net.Conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closed {
		s.waiting[c] = true
	}
	return !s.closed
}

func (s *sniffer) arrived(c net.Conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.waiting, c)
	return !s.closed
}

// fail ends the sniffer because one of its listeners ended.
func (s *sniffer) fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closed {
		s.err = err
		s.shut()
	}
}

// shut is called with mu held, once.
func (s *sniffer) shut() {
	s.closed = true
	close(s.done)
	for _, l := range s.listeners {
		l.Close()
	}
	for c := range s.waiting {
		c.Close()
	}
}

// Accept returns the next connection whose first byte has arrived.
func (s *sniffer) Accept() (net.Conn, error) {
	select {
	case c := <-s.conns:
		return c, nil
	case <-s.done:
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.err != nil {
			return nil, s.err
		}
		return nil, net.ErrClosed
	}
}

// Close closes the listeners and what was accepted but not delivered.
func (s *sniffer) Close() error {
	s.mu.Lock()
	if !s.closed {
		s.shut()
	}
	s.mu.Unlock()
	s.wg.Wait()
	return nil
}

// Addr is the address of the first listener.
func (s *sniffer) Addr() net.Addr { return s.listeners[0].Addr() }
