package proxy

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
)

func TestConfigIsChecked(t *testing.T) {
	l := listenLoopback(t)
	defer l.Close()
	ok := Config{Listeners: []Listener{{Listener: l}}, REST: Upstream{Dial: dialer("")}}
	for name, change := range map[string]func(*Config){
		"no listener":      func(c *Config) { c.Listeners = nil },
		"no dial":          func(c *Config) { c.REST.Dial = nil },
		"no dial for ws":   func(c *Config) { c.WebSocket.Upstream = &Upstream{} },
		"a host with port": func(c *Config) { c.Hosts = []string{"a.test:80"} },
		"origin *":         func(c *Config) { c.Origins = []string{"*"} },
	} {
		c := ok
		change(&c)
		if _, err := New(c); err == nil {
			t.Errorf("%s is accepted", name)
		}
	}
	if _, err := New(ok); err != nil {
		t.Error(err)
	}
}

func TestSilentConnectionsDoNotBlockOthers(t *testing.T) {
	g := start(t, echo(), nil)
	for range 100 {
		g.raw(t, g.addr, false)
	}
	g.each(t, func(t *testing.T, w wire) {
		if res, _ := w.do(t, "GET", "/", nil); res.StatusCode != 200 {
			t.Errorf("status %d", res.StatusCode)
		}
	})
}

func TestPlainOnly(t *testing.T) {
	g := start(t, echo(), func(c *Config) { c.Certificate = nil })
	if res, _ := g.wires(g.addr)[0].do(t, "GET", "/", nil); res.StatusCode != 200 {
		t.Errorf("status %d", res.StatusCode)
	}
	if _, err := g.wires(g.addr)[1].client.Get("https://letta.localhost/"); err == nil {
		t.Error("TLS is spoken without a certificate")
	}
}

func TestListenersCloseFirst(t *testing.T) {
	for i, name := range []string{"http1", "https1", "https2"} {
		t.Run(name, func(t *testing.T) {
			asked, release, waits := make(chan struct{}), make(chan struct{}), make(chan struct{})
			g := start(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				io.WriteString(w, "first ")
				w.(http.Flusher).Flush()
				asked <- struct{}{}
				<-release
				io.WriteString(w, "last")
			}), func(c *Config) { c.Waiting = func() { close(waits) } })
			w := g.wires(g.addr)[i]
			res, err := w.client.Do(w.request(t, "GET", "/", nil))
			if err != nil {
				t.Fatal(err)
			}
			defer res.Body.Close()
			<-asked
			stopped := make(chan error)
			go func() { stopped <- g.stop() }()
			<-g.proxy.stopping.Done()
			if c, err := net.Dial("tcp", g.addr); err == nil {
				c.Close()
				t.Error("the proxy accepts while it stops")
			}
			select {
			case <-waits:
			case <-time.After(patience):
				t.Error("nobody is told that the stop waits")
			}
			close(release)
			if b, err := io.ReadAll(res.Body); string(b) != "first last" || err != nil {
				t.Errorf("the stream was not let finish: %q, %v", b, err)
			}
			if err := <-stopped; err != nil {
				t.Error(err)
			}
		})
	}
}

func TestStreamsAreCutAfterGrace(t *testing.T) {
	graces := []time.Duration{time.Millisecond, -1}
	for i := range 3 * len(graces) {
		t.Run([]string{"http1", "https1", "https2"}[i%3], func(t *testing.T) {
			g := start(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				io.WriteString(w, "first")
				w.(http.Flusher).Flush()
				<-r.Context().Done()
			}), func(c *Config) { c.Grace = graces[i/3] })
			w := g.wires(g.addr)[i%3]
			res, err := w.client.Do(w.request(t, "GET", "/", nil))
			if err != nil {
				t.Fatal(err)
			}
			defer res.Body.Close()
			if err := g.stop(); err != nil {
				t.Error(err)
			}
			if _, err := io.ReadAll(res.Body); err == nil {
				t.Error("the cut stream seems whole")
			}
			if a := g.access(t); a.Cause != "cut at stop" {
				t.Errorf("access %+v", a)
			}
		})
	}
}

func TestHeldCallsAreAnsweredAtStop(t *testing.T) {
	box := newStateBox(migrating(clock))
	g := startWith(t, box, func(c *Config) { c.HoldFor = time.Hour })
	go func() { <-box.asked; g.stop() }()
	res, body := g.wires(g.addr)[2].do(t, "POST", "/", strings.NewReader("{}"))
	if e := errorIn(t, body); res.StatusCode != 503 || e.Code != "proxy_stopping" {
		t.Errorf("%d %+v", res.StatusCode, e)
	}
}

// TestStopWaitsForTheLastRecord: what records closes behind Serve. The server of HTTP/2 does not wait for the streams of a
// connection that has ended.
func TestStopWaitsForTheLastRecord(t *testing.T) {
	recording, release := make(chan struct{}), make(chan struct{})
	g := start(t, echo(), func(c *Config) {
		c.Access = func(*Access) { close(recording); <-release }
	})
	f := g.frames(t)
	f.head(1, true, pseudo("GET", "/")...)
	<-recording
	f.close()
	stopped := make(chan struct{})
	go func() { defer close(stopped); g.stop() }()
	for waits := false; !waits; runtime.Gosched() {
		select {
		case <-stopped:
			t.Fatal("Serve returns before the record is written")
		default:
		}
		g.proxy.streams.mu.Lock()
		waits = g.proxy.streams.empty != nil
		g.proxy.streams.mu.Unlock()
	}
	close(release)
	<-stopped
}

func TestBridgeHearsOfTheStop(t *testing.T) {
	g := start(t, echo(), func(c *Config) {
		c.WebSocket.Bridge = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			ws, err := websocket.Accept(w, r, nil)
			if err != nil {
				return
			}
			ws.CloseRead(context.WithoutCancel(r.Context()))
			<-r.Context().Done()
			ws.Close(websocket.StatusGoingAway, "stopping")
		})
	})
	c := g.dialWS(t, g.wsAddr, true)
	read := make(chan error)
	go func() { _, _, err := c.Read(context.Background()); read <- err }()
	if err := g.stop(); err != nil {
		t.Error(err)
	}
	if err := <-read; websocket.CloseStatus(err) != websocket.StatusGoingAway {
		t.Errorf("the client got %v", err)
	}
}

func TestBridgeThatIgnoresTheStopIsCut(t *testing.T) {
	accepted := make(chan struct{})
	g := start(t, echo(), func(c *Config) {
		c.Grace = time.Millisecond
		c.WebSocket.Bridge = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			conn, _, _ := http.NewResponseController(w).Hijack()
			defer conn.Close()
			io.WriteString(conn, switching)
			close(accepted)
			io.Copy(io.Discard, conn)
		})
	})
	g.upgrade(t, g.wsAddr, false)
	<-accepted
	if err := g.stop(); err != nil {
		t.Error(err)
	}
}

// TestStopWaitsForNobodyWhoSaidNothing: browsers open connections in advance.
func TestStopWaitsForNobodyWhoSaidNothing(t *testing.T) {
	g := start(t, echo(), nil)
	silent, handshaken, kept := g.raw(t, g.addr, false), g.raw(t, g.addr, true), g.raw(t, g.addr, true)
	if err := handshaken.(interface{ HandshakeContext(context.Context) error }).HandshakeContext(t.Context()); err != nil {
		t.Fatal(err)
	}
	io.WriteString(kept, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
	if _, err := http.ReadResponse(bufio.NewReader(kept), nil); err != nil {
		t.Fatal(err)
	}
	begin := time.Now()
	if err := g.stop(); err != nil {
		t.Error(err)
	}
	if took := time.Since(begin); took > 3*time.Second { // http.Server alone needs five
		t.Errorf("the stop took %v", took)
	}
	for _, c := range []net.Conn{silent, handshaken, kept} {
		if _, err := io.Copy(io.Discard, c); isTimeout(err) {
			t.Error("a connection is still open")
		}
	}
}

func TestListenerThatFailsIsReported(t *testing.T) {
	l := listenLoopback(t)
	p, err := New(Config{Listeners: []Listener{{Listener: l}}, REST: Upstream{Dial: dialer("")}})
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	if err := p.Serve(t.Context()); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Serve: %v", err)
	}
}
