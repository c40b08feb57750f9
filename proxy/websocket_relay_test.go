package proxy

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"
)

// TestTunnelIsExact sends a few megabytes both ways at once, in pieces of all
// sizes; to some upstreams through TLS.
func TestTunnelIsExact(t *testing.T) {
	up := startWS(t, echoBytes)
	leaf, roots := testLeaf(t)
	secure := startWSOn(t, tls.NewListener(listenLoopback(t), &tls.Config{Certificates: []tls.Certificate{*leaf}}), echoBytes)
	for name, dial := range map[string]func(context.Context) (net.Conn, error){
		"tcp": dialer(up.addr),
		"tls": func(ctx context.Context) (net.Conn, error) {
			return (&tls.Dialer{Config: &tls.Config{RootCAs: roots, ServerName: "localhost"}}).DialContext(ctx, "tcp", secure.addr)
		},
	} {
		t.Run(name, func(t *testing.T) {
			eachSocket(t, Upstream{Dial: dial}, func(t *testing.T, g *rig, addr string, encrypted bool) {
				_, s := g.upgrade(t, addr, encrypted)
				random := rand.NewChaCha8([32]byte{1})
				want := make([]byte, 3<<20)
				random.Read(want)
				go func() {
					for rest := want; len(rest) > 0; {
						n := min(len(rest), 1+int(random.Uint64()%100_000>>(random.Uint64()%16)))
						s.Write(rest[:n])
						rest = rest[n:]
					}
					closeWrite(s.Conn)
				}()
				got, err := io.ReadAll(s.r)
				if err != nil || !bytes.Equal(got, want) {
					t.Fatalf("%d of %d bytes, the same: %v; %v", len(got), len(want), bytes.Equal(got, want), err)
				}
				if a := g.access(t); a.BytesIn != int64(len(want)) || a.BytesOut != int64(len(want)) || a.Cause != "" {
					t.Errorf("access %+v", a)
				}
			})
		})
	}
}

// TestEndThatCameWithTheHandshake: a TLS client may end its direction in the very
// segment that holds its handshake.
func TestEndThatCameWithTheHandshake(t *testing.T) {
	up := startWS(t, echoBytes)
	g := startAt(t, up.addr, nil)
	held := &heldConn{Conn: g.raw(t, g.addr, false)}
	c := tls.Client(held, &tls.Config{RootCAs: g.roots, ServerName: "letta.localhost"})
	if err := c.HandshakeContext(t.Context()); err != nil {
		t.Fatal(err)
	}
	held.hold = true
	io.WriteString(c, handshakeOf()+"early")
	c.CloseWrite()
	held.hold = false
	held.SetWriteDeadline(time.Time{}) // CloseWrite lets nothing more be written
	held.Write(nil)
	all, err := io.ReadAll(c)
	if err != nil || !strings.HasSuffix(string(all), "\r\n\r\nearly") {
		t.Errorf("%q, %v", all, err)
	}
}

// A heldConn collects what is written while hold is set, and sends it at once.
type heldConn struct {
	net.Conn
	hold bool
	kept []byte
}

func (c *heldConn) Write(p []byte) (int, error) {
	c.kept = append(c.kept, p...)
	if c.hold {
		return len(p), nil
	}
	_, err := c.Conn.Write(c.kept)
	c.kept = nil
	return len(p), err
}

// TestBothSidesHearOfTheStop: each gets a Close of its own, answers it, and the
// stop waits for that and no longer.
func TestBothSidesHearOfTheStop(t *testing.T) {
	heard := make(chan error, 10)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, err := websocket.Accept(w, r, &websocket.AcceptOptions{InsecureSkipVerify: true, CompressionMode: websocket.CompressionContextTakeover})
		if err != nil {
			return
		}
		defer c.CloseNow()
		c.Write(r.Context(), websocket.MessageText, []byte(strings.Repeat("hello ", 1000)))
		_, _, err = c.Read(context.WithoutCancel(r.Context()))
		heard <- err
	}))
	t.Cleanup(server.Close)
	g := startAt(t, server.Listener.Addr().String(), nil, func(p *Proxy) { p.limits.linger = patience })
	var clients []*websocket.Conn
	for _, encrypted := range []bool{false, true} {
		c := g.dialWS(t, g.addr, encrypted)
		if _, b, err := c.Read(t.Context()); len(b) != 6000 {
			t.Fatalf("%q, %v", b, err)
		}
		clients = append(clients, c)
	}
	read := make(chan error, len(clients))
	for _, c := range clients {
		go func() { _, _, err := c.Read(context.WithoutCancel(t.Context())); read <- err }()
	}
	begin := time.Now()
	if err := g.stop(); err != nil {
		t.Error(err)
	}
	if took := time.Since(begin); took > patience/2 {
		t.Errorf("the stop took %v", took)
	}
	for range clients {
		if err := <-read; websocket.CloseStatus(err) != websocket.StatusGoingAway {
			t.Errorf("a client got %v", err)
		}
		if err := <-heard; websocket.CloseStatus(err) != websocket.StatusGoingAway {
			t.Errorf("the upstream got %v", err)
		}
		if a := g.access(t); a.Cause != "closed at stop" || a.Status != 101 {
			t.Errorf("access %+v", a)
		}
	}
}

// TestStopInsideAFrame: nothing is put into a frame that has begun, and nothing
// behind a Close.
func TestStopInsideAFrame(t *testing.T) {
	for name, test := range map[string]struct{ sent, want string }{
		"nothing was sent":  {"", string(goingAway(false))},
		"between frames":    {"\x81\x02hi", "\x81\x02hi" + string(goingAway(false))},
		"in a header":       {"\x81", "\x81"},
		"in a payload":      {"\x81\x05hi", "\x81\x05hi"},
		"behind a Close":    {"\x88\x02\x03\xe8", "\x88\x02\x03\xe8"},
		"within a message":  {"\x01\x02hi", "\x01\x02hi" + string(goingAway(false))},
		"not WebSocket":     {"SSH-2.0-OpenSSH\r\n", "SSH-2.0-OpenSSH\r\n"},
		"in a long payload": {"\x82\x7f\x00\x00\x00\x00\x00\x01\x00\x00x", "\x82\x7f\x00\x00\x00\x00\x00\x01\x00\x00x"},
	} {
		t.Run(name, func(t *testing.T) {
			up := startWS(t, func(c net.Conn, r *bufio.Reader) {
				io.WriteString(c, switching+test.sent)
				for f := (frames{}); !f.closed; {
					b, err := r.ReadByte()
					if err != nil {
						return
					}
					f.follow([]byte{b})
				}
			})
			for _, encrypted := range []bool{false, true} {
				g := startAt(t, up.addr, nil, func(p *Proxy) { p.limits.linger = patience })
				_, s := g.upgrade(t, g.addr, encrypted)
				sent := make([]byte, len(test.sent))
				if _, err := io.ReadFull(s.r, sent); err != nil {
					t.Fatal(err)
				}
				stopped := make(chan error)
				go func() { stopped <- g.stop() }()
				<-g.proxy.stopping.Done()
				question := make([]byte, len(test.want)-len(sent))
				if _, err := io.ReadFull(s.r, question); err != nil {
					t.Error(err)
				}
				s.Write(goingAway(true)) // the answer; it must not come before the question
				rest, err := io.ReadAll(s.r)
				if got := string(sent) + string(question) + string(rest); got != test.want || isTimeout(err) {
					t.Errorf("tls %v: %q, %v; want %q", encrypted, got, err, test.want)
				}
				if err := <-stopped; err != nil {
					t.Error(err)
				}
			}
		})
	}
}

// TestStopInsideAFrameWaitsForNobody: no Close fits, so the connection just ends,
// whatever the other side does.
func TestStopInsideAFrameWaitsForNobody(t *testing.T) {
	for _, encrypted := range []bool{false, true} {
		released := make(chan struct{})
		up := startWS(t, func(c net.Conn, r *bufio.Reader) {
			io.WriteString(c, switching+"\x81\x05hi")
			<-released
		})
		g := startAt(t, up.addr, nil, func(p *Proxy) { p.limits.linger = 2 * patience })
		_, s := g.upgrade(t, g.addr, encrypted)
		if _, err := s.r.Peek(4); err != nil {
			t.Fatal(err)
		}
		stopped := make(chan error)
		go func() { stopped <- g.stop() }()
		if _, err := io.Copy(io.Discard, s.r); isTimeout(err) {
			t.Errorf("tls %v: %v", encrypted, err)
		}
		close(released)
		if err := <-stopped; err != nil {
			t.Error(err)
		}
	}
}

// TestStopIsOverOnceBothHaveAnswered: it is for the proxy to end the connections
// then, as a server does (RFC 6455, section 7.1.1).
func TestStopIsOverOnceBothHaveAnswered(t *testing.T) {
	up := startWS(t, func(c net.Conn, r *bufio.Reader) {
		io.WriteString(c, switching)
		r.Peek(1)
		c.Write(goingAway(false))
		io.Copy(io.Discard, r)
	})
	for _, encrypted := range []bool{false, true} {
		g := startAt(t, up.addr, func(c *Config) { c.Grace = 2 * patience }, func(p *Proxy) { p.limits.linger = 2 * patience })
		_, s := g.upgrade(t, g.addr, encrypted)
		go g.stop()
		if _, err := s.r.Peek(1); err != nil {
			t.Fatal(err)
		}
		s.Write(goingAway(true))
		if b, err := io.ReadAll(s.r); string(b) != string(goingAway(false)) || err != nil {
			t.Errorf("tls %v: %q, %v", encrypted, b, err)
		}
	}
}

// TestCutEndsWebSocketsAtOnce: whatever they wait for.
func TestCutEndsWebSocketsAtOnce(t *testing.T) {
	up := startWS(t, func(c net.Conn, r *bufio.Reader) {
		io.WriteString(c, switching)
		for { // floods a client that reads nothing
			if _, err := c.Write(make([]byte, 1<<16)); err != nil {
				return
			}
		}
	})
	for _, encrypted := range []bool{false, true} {
		g := startAt(t, up.addr, func(c *Config) { c.Grace = time.Millisecond }, func(p *Proxy) { p.limits.linger = time.Hour })
		_, s := g.upgrade(t, g.addr, encrypted)
		if _, err := s.r.ReadByte(); err != nil {
			t.Fatal(err)
		}
		if err := g.stop(); err != nil {
			t.Error(err)
		}
		if a := g.access(t); a.Cause != "closed at stop" || a.BytesOut == 0 {
			t.Errorf("access %+v", a)
		}
	}
}

// TestCloseCodesPass: those of either side reach the other as they are.
func TestCloseCodesPass(t *testing.T) {
	closed := make(chan error, 1)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, err := websocket.Accept(w, r, &websocket.AcceptOptions{InsecureSkipVerify: true})
		if err != nil {
			return
		}
		if r.URL.Path == "/server" {
			closed <- c.Close(4321, "mine")
			return
		}
		_, _, err = c.Read(r.Context())
		closed <- err
	}))
	t.Cleanup(server.Close)
	eachSocket(t, Upstream{Dial: dialer(server.Listener.Addr().String())}, func(t *testing.T, g *rig, addr string, encrypted bool) {
		c := g.dialWS(t, addr, encrypted)
		if err := c.Close(4999, "yours"); err != nil {
			t.Error(err)
		}
		var e websocket.CloseError
		if err := <-closed; !errors.As(err, &e) || e.Code != 4999 || e.Reason != "yours" {
			t.Errorf("the server got %v", err)
		}
		g.access(t)
		c = g.dialWSPath(t, addr, encrypted, "/server")
		if _, _, err := c.Read(t.Context()); !errors.As(err, &e) || e.Code != 4321 || e.Reason != "mine" {
			t.Errorf("the client got %v", err)
		}
		if err := <-closed; err != nil {
			t.Errorf("the server's Close was not answered: %v", err)
		}
		g.access(t)
	})
}

// TestNoClockRunsForAWebSocket: whatever limit held before the handshake, nothing
// ends a silent tunnel.
func TestNoClockRunsForAWebSocket(t *testing.T) {
	up := startWS(t, echoBytes)
	var mu sync.Mutex
	clocks := map[string]time.Time{}
	watched := func(side string, c net.Conn) net.Conn {
		return &clockConn{c.(*net.TCPConn), func(at time.Time) { mu.Lock(); clocks[side] = at; mu.Unlock() }}
	}
	upstream := Upstream{Dial: func(ctx context.Context) (net.Conn, error) {
		c, err := dialer(up.addr)(ctx)
		if err != nil {
			return nil, err
		}
		return watched("upstream", c), nil
	}}
	g := startAt(t, nobody(t), func(c *Config) {
		c.REST = upstream
		c.Listeners[0].Listener = clockListener{c.Listeners[0].Listener, func(c net.Conn) net.Conn { return watched("client", c) }}
	})
	for _, encrypted := range []bool{false, true} {
		_, s := g.upgrade(t, g.addr, encrypted)
		io.WriteString(s, "hi")
		if _, err := io.ReadFull(s.r, make([]byte, 2)); err != nil {
			t.Fatal(err)
		}
		mu.Lock()
		if len(clocks) == 0 || !clocks["client"].IsZero() || !clocks["upstream"].IsZero() {
			t.Errorf("tls %v: reading ends at %v", encrypted, clocks)
		}
		mu.Unlock()
	}
}

// A clockConn tells of deadlines for reading.
type clockConn struct {
	*net.TCPConn
	set func(time.Time)
}

func (c *clockConn) SetReadDeadline(t time.Time) error { c.set(t); return c.TCPConn.SetReadDeadline(t) }
func (c *clockConn) SetDeadline(t time.Time) error     { c.set(t); return c.TCPConn.SetDeadline(t) }

type clockListener struct {
	net.Listener
	watched func(net.Conn) net.Conn
}

func (l clockListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return l.watched(c), nil
}
