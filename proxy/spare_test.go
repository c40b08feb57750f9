package proxy

import (
	"bytes"
	"crypto/tls"
	"log"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"
)

// closings tells of each connection of a listener that the proxy has closed.
type closings struct {
	net.Listener
	closed chan struct{}
}

type closingConn struct {
	net.Conn
	once   *sync.Once
	closed chan struct{}
}

func (l closings) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return closingConn{c, new(sync.Once), l.closed}, nil
}

func (c closingConn) Close() error {
	err := c.Conn.Close()
	c.once.Do(func() { c.closed <- struct{}{} })
	return err
}

// Browsers open connections in advance, and close most of them unused, some by a reset. Whenever one ends before it asks for anything,
// that is no line of any log.
func TestSpareConnectionsAreNoNews(t *testing.T) {
	var said bytes.Buffer // log.Logger writes one line at a time
	failures := make(chan HandshakeFailure, 100)
	closed := make(chan struct{}, 100)
	g := start(t, http.NotFoundHandler(), func(c *Config) {
		c.Listeners[0].Listener = closings{c.Listeners[0].Listener, closed}
		c.ErrorLog = log.New(&said, "", 0)
		c.HandshakeFailed = func(f HandshakeFailure) { failures <- f }
	})
	hello := clientHello(t)
	for name, open := range map[string]func(*testing.T, net.Conn){
		"before its first byte": func(*testing.T, net.Conn) {},
		"in the hello":          func(t *testing.T, c net.Conn) { _, _ = c.Write(hello[:20]) },
		"after the hello":       func(t *testing.T, c net.Conn) { _, _ = c.Write(hello) },
		"after the handshake":   func(t *testing.T, c net.Conn) { handshake(t, g, c, 0, "h2", "http/1.1") },
		"over HTTP/1.1":         func(t *testing.T, c net.Conn) { handshake(t, g, c, 0, "http/1.1") },
		"after that of TLS 1.2": func(t *testing.T, c net.Conn) { handshake(t, g, c, tls.VersionTLS12, "h2") },
		"in the preface":        func(t *testing.T, c net.Conn) { _, _ = handshake(t, g, c, 0, "h2").Write([]byte("PRI * HT")) },
		"when it said its frame": func(t *testing.T, c net.Conn) {
			_, _ = handshake(t, g, c, 0, "h2").Write([]byte("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00"))
		},
	} {
		for _, reset := range []bool{false, true} {
			conn, err := net.Dial("tcp", g.addr)
			if err != nil {
				t.Fatal(err)
			}
			open(t, conn)
			if reset {
				_ = conn.(*net.TCPConn).SetLinger(0)
			}
			conn.Close()
			select {
			case <-closed:
			case <-time.After(patience):
				t.Fatalf("%s, reset %t: the proxy keeps the connection", name, reset)
			}
		}
	}
	if err := g.stop(); err != nil {
		t.Fatal(err)
	}
	if said.Len() > 0 || len(failures) > 0 || len(g.accesses) > 0 {
		t.Errorf("%d failures, %d requests, and in the log: %s", len(failures), len(g.accesses), &said)
	}
}

func handshake(t *testing.T, g *rig, c net.Conn, most uint16, protocols ...string) *tls.Conn {
	t.Helper()
	secure := tls.Client(c, &tls.Config{ServerName: "localhost", RootCAs: g.roots, NextProtos: protocols, MaxVersion: most})
	if err := secure.Handshake(); err != nil {
		t.Fatal(err)
	}
	return secure
}
