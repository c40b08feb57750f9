package proxy

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// gathering returns a coalescingConn with room for size bytes, and the peer of its connection, on which a write waits until it is read.
func gathering(size int) (*coalescingConn, net.Conn) {
	p := &Proxy{bodies: &sync.Pool{New: func() any { b := make([]byte, size); return &b }}}
	here, there := net.Pipe()
	return p.coalesce(&conn{Conn: here}), there
}

// TestCoalescingMakesOneWrite of those that come while one is on its way, in their order, and waits where there is no room.
func TestCoalescingMakesOneWrite(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, peer := gathering(8)
		write := func(texts ...string) {
			for _, text := range texts {
				if n, err := io.WriteString(g, text); n != len(text) || err != nil {
					t.Errorf("%d of %q, %v", n, text, err)
				}
			}
		}
		write("0")
		synctest.Wait() // it is on its way
		write("12", "34", "5678")
		full := true
		go func() { write("9abcdef", "ghijkl"); full = false }()
		var reads []string
		for buf := make([]byte, 64); len(reads) < 4; {
			synctest.Wait()
			if waits := len(reads) < 2; full != waits {
				t.Errorf("after %q: waits for room: %v", reads, full)
			}
			n, err := peer.Read(buf)
			if err != nil {
				t.Fatal(err)
			}
			reads = append(reads, string(buf[:n]))
		}
		if got, want := strings.Join(reads, "|"), "0|12345678|9abcdefg|hijkl"; got != want {
			t.Errorf("read %s, want %s", got, want)
		}
		g.Close()
	})
}

// TestGathererTellsOfItsError at the next write, and at one that waits for room.
func TestGathererTellsOfItsError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, peer := gathering(8)
		failed := make(chan error)
		go func() {
			_, err := g.Write(make([]byte, 100))
			failed <- err
		}()
		synctest.Wait()
		peer.Close()
		if err := <-failed; !errors.Is(err, io.ErrClosedPipe) {
			t.Error(err)
		}
		if n, err := g.Write([]byte("a")); n != 0 || !errors.Is(err, io.ErrClosedPipe) {
			t.Errorf("%d, %v", n, err)
		}
		g.Close()
	})
}

// TestGathererUnderTLS: the end of a connection, which crypto/tls does not wait long for, comes behind all that was written; and what a
// peer does not read holds no stop up.
func TestGathererUnderTLS(t *testing.T) {
	cert, _ := testLeaf(t)
	text := strings.Repeat("a", 5000)
	written := func(t *testing.T) (*coalescingConn, *tls.Conn, *tls.Conn) {
		g, peer := gathering(32 << 10)
		server := tls.Server(g, &tls.Config{Certificates: []tls.Certificate{*cert}, SessionTicketsDisabled: true})
		client := tls.Client(peer, &tls.Config{InsecureSkipVerify: true})
		go client.Handshake()
		if err := server.Handshake(); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(server, text); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		return g, server, client
	}
	synctest.Test(t, func(t *testing.T) {
		_, server, client := written(t)
		go server.Close()
		synctest.Wait()
		if got, err := io.ReadAll(client); string(got) != text || err != nil {
			t.Errorf("%d bytes, %v", len(got), err)
		}
		client.Close()
	})
	synctest.Test(t, func(t *testing.T) {
		g, server, client := written(t)
		begin := time.Now()
		g.proxy.conns.cut()
		server.Close()
		if took := time.Since(begin); took > 0 { // in a bubble, time stands still until all wait for it
			t.Errorf("waited %v for a peer that was cut off", took)
		}
		if len(g.proxy.conns.live) > 0 {
			t.Error("a closed connection is still known")
		}
		client.Close()
	})
}
