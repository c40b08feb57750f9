package proxy

import (
	"crypto/tls"
	"io"
	"net"
	"os"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// A side of a WebSocket that does not read holds up the stop for as long as a leave takes, and no longer. The clock is that of
// synctest, and a pipe has no buffers: a write waits for its reader.
func TestStopWaitsForNobodyWhoDoesNotRead(t *testing.T) {
	leaf, _ := testLeaf(t)
	for name, row := range map[string]struct{ encrypted, clientReads bool }{
		"the client":         {false, false},
		"a client of TLS":    {true, false},
		"the upstream":       {false, true},
		"behind TLS as well": {true, true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := relayingProxy(2 * time.Second)
				socket, client := net.Pipe()
				upWire, upstream := net.Pipe()
				wire, sending := socket, client
				if row.encrypted {
					wire = tls.Server(socket, &tls.Config{Certificates: []tls.Certificate{*leaf}, SessionTicketsDisabled: true})
					sending = tls.Client(client, &tls.Config{InsecureSkipVerify: true})
					go wire.(*tls.Conn).Handshake()
					if err := sending.(*tls.Conn).Handshake(); err != nil {
						t.Fatal(err)
					}
				}
				w := &webSocket{proxy: p}
				w.inbound = direction{of: w, from: idleReader{conn: wire, pool: p.bodies}, to: upWire}
				w.outbound = direction{of: w, from: idleReader{conn: upWire, pool: p.bodies}, to: wire}
				w.begin()
				from, to := upstream, client
				if row.clientReads {
					from, to = sending, upstream
				}
				go io.WriteString(from, "\x81\x05hello")
				if _, err := io.ReadFull(to, make([]byte, 1)); err != nil { // and no more: it is in the middle of it
					t.Fatal(err)
				}
				begin := time.Now()
				p.conns.stop()
				if err := p.conns.wait(t.Context()); err != nil {
					t.Error(err)
				}
				if took := time.Since(begin); took > p.limits.linger {
					t.Errorf("the stop took %v", took)
				}
			})
		})
	}
}

// A cut waits for nobody either: a goodbye of TLS that nobody reads is not waited for.
func TestCutWaitsForNobodyWhoDoesNotRead(t *testing.T) {
	leaf, _ := testLeaf(t)
	config := &tls.Config{Certificates: []tls.Certificate{*leaf}, InsecureSkipVerify: true, SessionTicketsDisabled: true}
	for _, side := range []string{"the client", "the upstream"} {
		t.Run(side, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := relayingProxy(time.Hour)
				plain, other := net.Pipe()
				wire, peer := net.Pipe()
				defer other.Close()
				defer peer.Close()
				secure := tls.Client(wire, config)
				go tls.Server(peer, config).Handshake()
				if err := secure.Handshake(); err != nil {
					t.Fatal(err)
				}
				client, upstream := net.Conn(secure), plain
				if side == "the upstream" {
					client, upstream = upstream, client
				}
				w := &webSocket{proxy: p}
				w.inbound = direction{of: w, from: idleReader{conn: client, pool: p.bodies}, to: upstream}
				w.outbound = direction{of: w, from: idleReader{conn: upstream, pool: p.bodies}, to: client}
				w.begin()
				begin := time.Now()
				p.conns.cut()
				if err := p.conns.wait(t.Context()); err != nil {
					t.Error(err)
				}
				if took := time.Since(begin); took > 0 {
					t.Errorf("the cut took %v", took)
				}
			})
		})
	}
}

func relayingProxy(linger time.Duration) *Proxy {
	p := &Proxy{limits: limits{linger: linger, halfOpen: time.Hour}, bodies: &sync.Pool{New: func() any { b := make([]byte, 100); return &b }}}
	p.config.setDefaults()
	return p
}

// TestNothingFollowsAWriteThatFailed: a Close would stand inside a frame.
func TestNothingFollowsAWriteThatFailed(t *testing.T) {
	for name, frame := range map[string]string{"in a message": "\x81\x05hello", "in a Close": "\x88\x02\x03\xe8"} {
		p := relayingProxy(time.Hour)
		upstream := &scripted{reads: []string{frame, ""}}
		client := &halfWritten{scripted: &scripted{}}
		w := &webSocket{proxy: p}
		w.inbound = direction{of: w, from: idleReader{conn: client}, to: upstream, done: true}
		w.outbound = direction{of: w, from: idleReader{conn: upstream, pool: p.bodies}, to: client}
		w.stop()
		w.outbound.run()
		if got := client.wrote.String(); got != frame[:1] {
			t.Errorf("%s: wrote %q", name, got)
		}
	}
}

// A halfWritten connection takes one byte of what is written to it first.
type halfWritten struct {
	*scripted
	failed bool
}

func (c *halfWritten) Write(p []byte) (int, error) {
	if c.failed {
		return c.scripted.Write(p)
	}
	c.failed = true
	n, _ := c.scripted.Write(p[:1])
	return n, os.ErrDeadlineExceeded
}
