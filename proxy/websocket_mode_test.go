package proxy

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/coder/websocket"
)

// named answers every request with its name, upgrades by a refusal.
func named(name string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, name) })
}

func namedUpstream(t *testing.T, name string) *Upstream {
	t.Helper()
	s := httptest.NewServer(named(name))
	t.Cleanup(s.Close)
	return &Upstream{Name: name, Dial: dialer(s.Listener.Addr().String())}
}

// closing accepts and closes, as Docker's proxy does for a published port that
// nothing listens on inside.
func closing(t *testing.T) *Upstream {
	t.Helper()
	l := listenLoopback(t)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			c.Close()
		}
	}()
	t.Cleanup(func() { l.Close() })
	return &Upstream{Name: "closing", Dial: dialer(l.Addr().String())}
}

func TestWebSocketRoutes(t *testing.T) {
	absent := &Upstream{Name: "absent", Dial: dialer(nobody(t))}
	pass, configured := namedUpstream(t, "pass"), namedUpstream(t, "configured")
	for _, test := range []struct {
		name      string
		ws        WebSocket
		want      WebSocketMode
		answer    string // on the WebSocket listener
		elsewhere string // of an upgrade on the REST listener
	}{
		{"pass-through first", WebSocket{pass, configured, named("bridge")}, ModePassThrough, "pass", "configured"},
		{"absent, configured", WebSocket{absent, configured, named("bridge")}, ModeUpstream, "configured", "configured"},
		{"dead end, configured", WebSocket{closing(t), configured, nil}, ModeUpstream, "configured", "configured"},
		{"dead end, bridge", WebSocket{closing(t), nil, named("bridge")}, ModeBridge, "bridge", "rest"},
		{"absent, bridge", WebSocket{absent, nil, named("bridge")}, ModeBridge, "bridge", "rest"},
		{"bridge alone", WebSocket{nil, nil, named("bridge")}, ModeBridge, "bridge", "rest"},
	} {
		t.Run(test.name, func(t *testing.T) {
			g := start(t, named("rest"), func(c *Config) { c.WebSocket = test.ws }, func(p *Proxy) {
				if test.want != ModePassThrough { // a dead end closes in its own time
					p.limits.deadEnd = patience
				}
			})
			if got := g.proxy.WebSocketMode(context.Background()); got != test.want {
				t.Errorf("WebSocketRoute is %q, want %q", got, test.want)
			}
			for _, encrypted := range []bool{false, true} {
				for addr, want := range map[string]string{g.wsAddr: test.answer, g.addr: test.elsewhere} {
					res, _ := g.upgrade(t, addr, encrypted)
					if b, _ := io.ReadAll(res.Body); string(b) != want {
						t.Errorf("upgrade answered by %q, want %q", b, want)
					}
				}
			}
			for _, w := range g.wires(g.wsAddr) {
				if _, body := w.do(t, "GET", "/", nil); body != test.answer {
					t.Errorf("%s: GET answered by %q, want %q", w.name, body, test.answer)
				}
			}
		})
	}
}

func TestNothingAnswersWebSockets(t *testing.T) {
	g := start(t, named("rest"), func(c *Config) { c.WebSocket.PassThrough = closing(t) }, func(p *Proxy) { p.limits.deadEnd = patience })
	if got := g.proxy.WebSocketMode(context.Background()); got != ModeNone {
		t.Errorf("WebSocketRoute is %q", got)
	}
	res, _ := g.upgrade(t, g.wsAddr, true)
	body, _ := io.ReadAll(res.Body)
	if e := errorIn(t, string(body)); res.StatusCode != 502 || e.Code != "websocket_unavailable" || e.Hint == "" {
		t.Errorf("%d %+v", res.StatusCode, e)
	}
}

func TestBridgeTakesTheConnection(t *testing.T) {
	g := start(t, named("rest"), func(c *Config) { c.WebSocket.Bridge = http.HandlerFunc(acceptElsewhere) })
	for _, encrypted := range []bool{false, true} {
		c := g.dialWS(t, g.wsAddr, encrypted)
		talk(t, c)
		c.CloseNow()
		a := g.access(t)
		if a.Upstream != "bridge" || !a.WebSocket || a.Status != 101 || a.BytesIn == 0 || a.BytesOut == 0 {
			t.Errorf("access %+v", a)
		}
	}
}

// A bridge's socket that a stop ends is recorded as a relayed one is.
func TestStopIsTheCauseOfABridgesEnd(t *testing.T) {
	g := start(t, named("rest"), func(c *Config) {
		c.WebSocket.Bridge = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if c, err := websocket.Accept(w, r, nil); err == nil {
				<-r.Context().Done()
				c.Close(websocket.StatusGoingAway, "")
			}
		})
	})
	c := g.dialWS(t, g.wsAddr, false)
	c.CloseRead(t.Context())
	if err := g.stop(); err != nil {
		t.Error(err)
	}
	if a := g.access(t); a.Cause != "closed at stop" || a.Status != 101 {
		t.Errorf("access %+v", a)
	}
}

func TestDialFailsSlowlyOnThePassThroughPort(t *testing.T) {
	stuck := &Upstream{Name: "stuck", Dial: func(ctx context.Context) (net.Conn, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	}}
	g := start(t, named("rest"), func(c *Config) { c.WebSocket = WebSocket{PassThrough: stuck, Bridge: named("bridge")} },
		func(p *Proxy) { p.limits.dialWebSocket = 1 })
	res, _ := g.upgrade(t, g.wsAddr, false)
	if b, _ := io.ReadAll(res.Body); string(b) != "bridge" {
		t.Errorf("answered by %q", b)
	}
}

// TestBridgeGetsFramesSentWithTheHandshake: libraries take what is buffered, and
// then read from the connection.
func TestBridgeGetsFramesSentWithTheHandshake(t *testing.T) {
	g := start(t, named("rest"), func(c *Config) { c.WebSocket.Bridge = http.HandlerFunc(acceptElsewhere) })
	masked := "\x81\x82\x00\x00\x00\x00hi" // a text frame, masked with zeros: RFC 6455, section 5.2
	for _, encrypted := range []bool{false, true} {
		_, s := g.upgradeWith(t, g.wsAddr, encrypted, handshakeOf()+masked)
		frame := make([]byte, len("\x81\x07echo hi"))
		if _, err := io.ReadFull(s.r, frame); string(frame) != "\x81\x07echo hi" {
			t.Errorf("got %q, %v", frame, err)
		}
	}
}
