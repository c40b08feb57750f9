package proxy

import (
	"crypto/tls"
	"errors"
	"net"
	"sync"
	"time"

	"github.com/letta-dev/letta-dev/crash"
	"github.com/letta-dev/letta-dev/proxy/http1"
)

// An acceptor lets connections in: it waits for the first byte of each, ends TLS where
// that byte begins it, and serves those that speak HTTP/1. To net/http's server it
// is the listener of the others.
type acceptor struct {
	proxy  *Proxy
	tls    *tls.Config // nil: everything is plain
	http2  chan net.Conn
	closed chan struct{}
	failed chan error // of a listener
	once   sync.Once
	accept sync.WaitGroup
}

func newAcceptor(p *Proxy) *acceptor {
	d := &acceptor{proxy: p, tls: p.tlsConfig(), http2: make(chan net.Conn), closed: make(chan struct{}), failed: make(chan error, len(p.config.Listeners))}
	for i := range p.config.Listeners {
		d.accept.Go(func() { d.acceptAll(&p.config.Listeners[i]) })
	}
	return d
}

// acceptAll ends with the listener. Running out of descriptors is not its end: it
// says so, and waits longer from failure to failure, up to a second, as net/http does.
func (d *acceptor) acceptAll(l *Listener) {
	defer crash.Recover()
	var pause time.Duration
	for {
		c, err := l.Accept()
		if err == nil {
			pause = 0
			client := &conn{Conn: quick(c, &d.proxy.calls), listener: l, local: c.LocalAddr().String()}
			d.proxy.conns.add(client) // here: a stop may come before the goroutine runs
			go d.serveConn(client)
			continue
		}
		var ne net.Error
		//lint:ignore SA1019 it is what net/http asks, and a list of our own would be another for each system
		if !errors.As(err, &ne) || !ne.Temporary() {
			d.failed <- err
			return
		}
		if pause == 0 {
			d.proxy.config.ErrorLog.Printf("accepting connections: %v; trying again", err)
		}
		pause = min(max(2*pause, 5*time.Millisecond), time.Second)
		select {
		case <-time.After(pause):
		case <-d.closed:
			return
		}
	}
}

// serveConn serves a connection, or hands it over to the server of HTTP/2.
func (d *acceptor) serveConn(c *conn) {
	defer d.proxy.conns.remove(c)
	defer d.proxy.contain(func(any) { c.Close() })
	wire, err := d.sniffTLS(c)
	if err != nil {
		c.Close()
		return
	}
	if t, ok := wire.(*tls.Conn); ok && t.ConnectionState().NegotiatedProtocol == "h2" {
		c.Conn = d.proxy.coalesce(c)
		select {
		case d.http2 <- wire:
		case <-d.closed:
			c.Close()
		}
		return
	}
	client := &clientConn{proxy: d.proxy, socket: c, wire: wire, in: http1.NewReader(wire, d.proxy.buffers), out: http1.NewWriter(wire, d.proxy.buffers)}
	client.request = request{major: 1, secure: wire != net.Conn(c), client: c.RemoteAddr().String(), local: c.local, listener: c.listener}
	client.request.from = withoutPort(client.request.client)
	client.limitHead = client.awaitHead
	d.proxy.conns.replace(c, client)
	defer d.proxy.conns.remove(client)
	if client.serve(); client.webSocket != nil {
		client.webSocket.begin() // in goroutines of its own: this one's stack has grown
	}
}

// sniffTLS returns what speaks HTTP on a connection.
func (d *acceptor) sniffTLS(c *conn) (net.Conn, error) {
	c.SetReadDeadline(time.Now().Add(d.proxy.limits.head))
	first := make([]byte, 1)
	if _, err := c.Conn.Read(first); err != nil {
		return nil, err
	}
	c.ahead = first
	const hello = 0x16 // ContentType of a TLSPlaintext record: RFC 8446, section 5.1
	if d.tls == nil || first[0] != hello {
		return c, nil
	}
	return startTLS(c, d.tls, d.proxy.limits.head, d.proxy.config.HandshakeFailed)
}

// Accept returns the next connection that speaks HTTP/2.
func (d *acceptor) Accept() (net.Conn, error) {
	select {
	case c := <-d.http2:
		return c, nil
	case <-d.closed:
		return nil, net.ErrClosed
	}
}

// Close closes the listeners.
func (d *acceptor) Close() error {
	d.once.Do(func() {
		close(d.closed)
		for _, l := range d.proxy.config.Listeners {
			l.Close()
		}
		d.accept.Wait()
	})
	return nil
}

// Addr is the address of the first listener.
func (d *acceptor) Addr() net.Addr { return d.proxy.config.Listeners[0].Addr() }
