package proxy

import (
	"bufio"
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/letta-dev/letta-dev/proxy/policy"
)

// eachSocket runs a test over plain and TLS connections of both listeners, with
// the same upstream behind them.
func eachSocket(t *testing.T, upstream Upstream, test func(t *testing.T, g *rig, addr string, encrypted bool)) {
	t.Helper()
	g := startAt(t, nobody(t), func(c *Config) { c.WebSocket.Upstream = &upstream })
	for name, addr := range map[string]string{"rest": g.addr, "ws": g.wsAddr} {
		for _, encrypted := range []bool{false, true} {
			t.Run(name+map[bool]string{true: "/tls", false: "/plain"}[encrypted], func(t *testing.T) { test(t, g, addr, encrypted) })
		}
	}
}

func TestTunnelCarriesBytesAndHalfClose(t *testing.T) {
	up := startWS(t, echoBytes)
	eachSocket(t, Upstream{Name: "ws", Dial: dialer(up.addr)}, func(t *testing.T, g *rig, addr string, encrypted bool) {
		// Two frames travel in the same segment as the handshake.
		res, s := g.upgradeWith(t, addr, encrypted, handshakeOf("Origin: https://letta.localhost", "Sec-WebSocket-Protocol: letta", "Sec-WebSocket-Extensions: permessage-deflate")+"early")
		if res.StatusCode != 101 || res.Header.Get("Sec-WebSocket-Accept") != handshakeAccept || res.Header.Get("Upgrade") != "websocket" {
			t.Fatalf("%d %v", res.StatusCode, res.Header)
		}
		io.WriteString(s, " late")
		if err := closeWrite(s.Conn); err != nil {
			t.Fatal(err)
		}
		if b, err := io.ReadAll(s.r); string(b) != "early late" || err != nil {
			t.Errorf("got %q, %v", b, err)
		}
		seen := <-up.requests
		for name, want := range map[string]string{
			"Connection": "Upgrade", "Upgrade": "websocket", "Origin": "https://letta.localhost", "Sec-WebSocket-Protocol": "letta",
			"Sec-WebSocket-Extensions": "permessage-deflate", "X-Forwarded-For": "127.0.0.1", "X-Forwarded-Host": "letta.localhost",
			"X-Forwarded-Proto": map[bool]string{true: "https", false: "http"}[encrypted], "User-Agent": "",
		} {
			if got := seen.Header.Get(name); got != want {
				t.Errorf("upstream saw %s: %q, want %q", name, got, want)
			}
		}
		if seen.RequestURI != "/ws?a=1;b" || seen.Host != "letta.localhost" {
			t.Errorf("upstream saw %s of %s", seen.RequestURI, seen.Host)
		}
		a := g.access(t)
		if a.Status != 101 || !a.WebSocket || a.BytesIn != 10 || a.BytesOut != 10 || a.Upstream != "ws" || a.Cause != "" {
			t.Errorf("access %+v", a)
		}
	})
}

func TestFramesSentWithTheAnswerArrive(t *testing.T) {
	up := startWS(t, func(c net.Conn, r *bufio.Reader) { io.WriteString(c, switching+"hello") })
	eachSocket(t, Upstream{Dial: dialer(up.addr)}, func(t *testing.T, g *rig, addr string, encrypted bool) {
		_, s := g.upgrade(t, addr, encrypted)
		if b, err := io.ReadAll(io.LimitReader(s.r, 5)); string(b) != "hello" {
			t.Errorf("got %q, %v", b, err)
		}
	})
}

func TestHandshakeSanity(t *testing.T) {
	up := startWS(t, echoBytes)
	eachSocket(t, Upstream{Dial: dialer(up.addr)}, func(t *testing.T, g *rig, addr string, encrypted bool) {
		for _, test := range []struct {
			bytes string
			want  int
		}{
			{handshakeOf("Sec-WebSocket-Version: 7"), 426},
			{handshakeOf("Sec-WebSocket-Version: "), 426},
			{handshakeOf("Sec-WebSocket-Key: "), 400},
			{handshakeOf("Sec-WebSocket-Key: c2hvcnQ="), 400},
			{handshakeOf("Sec-WebSocket-Key: !!!"), 400},
			{handshakeOf("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZTE="), 400}, // 17 bytes
			{handshakeOf("Sec-WebSocket-Version: 13, 8"), 426},
			{handshakeOf("Content-Length: 1"), 400},
			{handshakeOf("Transfer-Encoding: chunked"), 400},
			{strings.Replace(handshakeOf(), "Sec-", "Sec-WebSocket-Key: "+handshakeKey+"\r\nSec-", 1), 400},
			{strings.Replace(handshakeOf(), "Sec-", "Sec-WebSocket-Version: 13\r\nSec-", 1), 426},
			{strings.Replace(handshakeOf(), "GET", "HEAD", 1), 400},
			{strings.Replace(handshakeOf(), "GET", "POST", 1), 400},
			{handshakeOf("Connection: Upgrade, Sec-WebSocket-Key"), 400},
			{handshakeOf("Connection: Upgrade, sec-websocket-version"), 400},
			{handshakeOf("Connection: Origin, Upgrade", "Origin: https://evil.example"), 403}, // what is checked is what came
			{handshakeOf("Origin: https://evil.example"), 403},
			{handshakeOf("Origin: null"), 403},
			{handshakeOf("Origin: null", "Sec-Fetch-Site: same-origin"), 403}, // no WebSocket hides its origin but an opaque one
			{handshakeOf("Host: evil.example"), 404},
		} {
			res, _ := g.upgradeWith(t, addr, encrypted, test.bytes)
			if res.StatusCode != test.want {
				t.Errorf("%q: %d, want %d", test.bytes, res.StatusCode, test.want)
			}
			h := res.Header
			if test.want == 426 && (h.Get("Sec-WebSocket-Version") != "13" || h.Get("Upgrade") != "websocket") {
				t.Errorf("426 says %v", h)
			}
		}
		if len(up.requests) != 0 {
			t.Error("a refused handshake reached the upstream")
		}
	})
}

// TestFormsOfTheHandshake: names and tokens compare without case, lists may hold
// more, and the lines that belong to the two ends pass as they are.
func TestFormsOfTheHandshake(t *testing.T) {
	up := startWS(t, echoBytes)
	eachSocket(t, Upstream{Dial: dialer(up.addr)}, func(t *testing.T, g *rig, addr string, encrypted bool) {
		for _, form := range []string{
			handshakeOf("Connection: keep-alive, Upgrade"),
			handshakeOf("Connection: UPGRADE", "Upgrade: WebSocket"),
			handshakeOf("Connection: close ,\tupgrade", "Upgrade: h2c, websocket"),
			strings.NewReplacer("Upgrade:", "uPGRADE:", "Sec-WebSocket-", "SEC-WEBSOCKET-", "Host", "hOST").Replace(handshakeOf()),
			strings.Replace(handshakeOf(), "Connection: ", "Connection: x\r\nConnection: ", 1),
			strings.Replace(handshakeOf("Sec-WebSocket-Protocol: a, b"), "\r\n\r\n", "\r\nSec-WebSocket-Protocol: c\r\n\r\n", 1),
			handshakeOf("Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits, x; y=\"z\""),
			"\r\n" + handshakeOf(),
		} {
			res, s := g.upgradeWith(t, addr, encrypted, form)
			if res.StatusCode != 101 || res.Header.Get("Connection") != "Upgrade" || res.Header.Get("Upgrade") != "websocket" || len(res.Header["Date"]) > 0 {
				t.Fatalf("%q: %d %v", form, res.StatusCode, res.Header)
			}
			seen := <-up.requests
			if h := seen.Header; h.Get("Connection") != "Upgrade" || h.Get("Upgrade") != "websocket" || h.Get("Sec-WebSocket-Key") != handshakeKey {
				t.Errorf("%q: upstream saw %v", form, h)
			}
			for _, name := range []string{"Sec-WebSocket-Protocol", "Sec-WebSocket-Extensions"} {
				asked, err := http.ReadRequest(bufio.NewReader(strings.NewReader(form)))
				if err == nil && strings.Join(seen.Header[name], "|") != strings.Join(asked.Header[name], "|") {
					t.Errorf("%q: upstream saw %q", form, seen.Header[name])
				}
			}
			s.Close()
		}
	})
}

// TestUpgradeRequiredSaysSoOnce: Upgrade needs a Connection that names it, and the
// end of the connection is announced in the same field.
func TestUpgradeRequiredSaysSoOnce(t *testing.T) {
	g := startAt(t, nobody(t), nil)
	c := g.raw(t, g.addr, false)
	io.WriteString(c, handshakeOf("Sec-WebSocket-Version: 8"))
	b, err := io.ReadAll(c)
	if s := string(b); err != nil || strings.Count(s, "Connection: ") != 1 || !strings.Contains(s, "\r\nConnection: Upgrade, close\r\n") {
		t.Errorf("%q, %v", b, err)
	}
}

// TestWhatIsNoHandshake is served as any request, and switches nothing.
func TestWhatIsNoHandshake(t *testing.T) {
	g := start(t, echo(), nil)
	for _, bytes := range []string{
		handshakeOf("Connection: keep-alive"),
		handshakeOf("Upgrade: h2c"),
		handshakeOf("Upgrade: websockets"),
		strings.Replace(handshakeOf(), "HTTP/1.1", "HTTP/1.0", 1), // RFC 9110, section 7.8
	} {
		for _, encrypted := range []bool{false, true} {
			res := g.say(t, encrypted, bytes)
			body, _ := io.ReadAll(res.Body)
			if h := hear(t, string(body)); res.StatusCode != 200 || h.Header.Get("Upgrade") != "" || h.Header.Get("Connection") != "" {
				t.Errorf("%q: %d, upstream saw %v", bytes, res.StatusCode, h.Header)
			}
		}
	}
}

// TestUpgradeRequiredByTheUpstream keeps what a 426 has to say (RFC 9110, section
// 15.5.22).
func TestUpgradeRequiredByTheUpstream(t *testing.T) {
	g := start(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Upgrade", "websocket")
		w.Header().Set("Connection", "Upgrade")
		w.WriteHeader(http.StatusUpgradeRequired)
	}), nil)
	g.each(t, func(t *testing.T, w wire) {
		res, _ := w.do(t, "GET", "/", nil)
		want := "websocket"
		if w.proto == "HTTP/2.0" { // which has no such field
			want = ""
		}
		if res.StatusCode != 426 || res.Header.Get("Upgrade") != want {
			t.Errorf("%d %v", res.StatusCode, res.Header)
		}
	})
}

// TestPathAndQueryOfTheUpstream: the ones in its URL are its own, and what the
// client says is left as it is.
func TestPathAndQueryOfTheUpstream(t *testing.T) {
	for _, test := range []struct{ path, query, asked, want string }{
		{"", "", "/any?a=1;b", "/any?a=1;b"},
		{"", "", "/any?", "/any?"},
		{"/ws", "", "/", "/ws"},
		{"/ws", "", "/%2e/?a=%20&", "/ws?a=%20&"},
		{"/ws", "token=x", "/?a=1", "/ws?token=x&a=1"},
		{"", "token=x", "/any", "/any?token=x"},
		{"", "token=x", "/any?", "/any?token=x"},
	} {
		u := Upstream{Path: test.path, Query: test.query}
		if got := u.webSocketTarget(test.asked); got != test.want {
			t.Errorf("%q asked of %q?%q: %q, want %q", test.asked, test.path, test.query, got, test.want)
		}
	}
	up := startWS(t, echoBytes)
	eachSocket(t, Upstream{Dial: dialer(up.addr), Path: "/own", Query: "token=x"}, func(t *testing.T, g *rig, addr string, encrypted bool) {
		g.upgrade(t, addr, encrypted)
		if r := <-up.requests; r.RequestURI != "/own?token=x&a=1;b" {
			t.Errorf("upstream saw %s", r.RequestURI)
		}
	})
}

func TestUpstreamsThatBreakTheHandshake(t *testing.T) {
	for name, answer := range map[string]string{
		"wrong accept":   strings.Replace(switching, handshakeAccept, "AAAAAAAAAAAAAAAAAAAAAAAAAAA=", 1),
		"no connection":  strings.Replace(switching, "Connection: Upgrade", "Connection: keep-alive", 1),
		"two accepts":    strings.Replace(switching, "Upgrade: ", "Sec-WebSocket-Accept: "+handshakeAccept+"\r\nUpgrade: ", 1),
		"other protocol": strings.Replace(switching, "websocket", "h2c", 1),
		"no http":        "SSH-2.0-OpenSSH_9.2\r\n",
		"silence":        "",
		"long head":      strings.TrimSuffix(switching, "\r\n") + "A: " + strings.Repeat("x", maxHead) + "\r\n\r\n",
	} {
		up := startWS(t, func(c net.Conn, r *bufio.Reader) { io.WriteString(c, answer) })
		eachSocket(t, Upstream{Name: "ws", Dial: dialer(up.addr)}, func(t *testing.T, g *rig, addr string, encrypted bool) {
			if res, _ := g.upgrade(t, addr, encrypted); res.StatusCode != 502 {
				t.Errorf("%s: %d", name, res.StatusCode)
			}
			if a := g.access(t); a.Status != 502 || a.Cause == "" || a.WebSocket {
				t.Errorf("%s: access %+v", name, a)
			}
		})
	}
}

// TestCauseOfAHandshakeWithoutAnswer: who wants to see a certificate says so, in an alert of TLS.
func TestCauseOfAHandshakeWithoutAnswer(t *testing.T) {
	leaf, roots := testLeaf(t)
	secure := startWSOn(t, tls.NewListener(listenLoopback(t), &tls.Config{Certificates: []tls.Certificate{*leaf}, ClientAuth: tls.RequireAnyClientCert}), echoBytes)
	eachSocket(t, Upstream{Name: "ws", Dial: func(ctx context.Context) (net.Conn, error) {
		return (&tls.Dialer{Config: &tls.Config{RootCAs: roots, ServerName: "localhost"}}).DialContext(ctx, "tcp", secure.addr)
	}}, func(t *testing.T, g *rig, addr string, encrypted bool) {
		res, _ := g.upgrade(t, addr, encrypted)
		if a := g.access(t); res.StatusCode != 502 || !strings.Contains(a.Cause, "certificate required") {
			t.Errorf("%d, %s", res.StatusCode, a.Cause)
		}
	})
}

// TestPolicyOfInformalHandshakes: what the policy sets or removes is not said before the final answer.
func TestPolicyOfInformalHandshakes(t *testing.T) {
	up := startWS(t, func(c net.Conn, r *bufio.Reader) {
		io.WriteString(c, "HTTP/1.1 103 Early Hints\r\nServer: theirs\r\nLink: a\r\n\r\n"+switching)
	})
	g := startAt(t, up.addr, func(c *Config) { c.Policy.Response = []policy.Header{{Name: "Server"}} })
	if res, _ := g.upgrade(t, g.addr, false); res.StatusCode != 103 || res.Header.Get("Link") != "a" || res.Header.Get("Server") != "" {
		t.Errorf("%d %v", res.StatusCode, res.Header)
	}
}

func TestRefusalOfTheUpstreamComesBack(t *testing.T) {
	up := startWS(t, func(c net.Conn, r *bufio.Reader) {
		io.WriteString(c, "HTTP/1.1 403 Forbidden\r\nTransfer-Encoding: chunked\r\nX-Why: no route\r\n\r\n4\r\nnope\r\n0\r\n\r\n")
	})
	eachSocket(t, Upstream{Dial: dialer(up.addr)}, func(t *testing.T, g *rig, addr string, encrypted bool) {
		res, _ := g.upgrade(t, addr, encrypted)
		body, err := io.ReadAll(res.Body)
		if res.StatusCode != 403 || string(body) != "nope" || res.Header.Get("X-Why") != "no route" {
			t.Errorf("%d %q %v", res.StatusCode, body, err)
		}
	})
}

// TestHandshakesAreInformed: answers that are not final come before the final one (RFC 9110, section 15.2), but for the 100 that
// nobody asked for.
func TestHandshakesAreInformed(t *testing.T) {
	const informing = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 Early Hints\r\nConnection: X\r\nX: y\r\nLink: a\r\n\r\n"
	for final, want := range map[string]int{switching: 101, "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n": 403, "": 502} {
		up := startWS(t, func(c net.Conn, r *bufio.Reader) { io.WriteString(c, informing+final) })
		eachSocket(t, Upstream{Dial: dialer(up.addr)}, func(t *testing.T, g *rig, addr string, encrypted bool) {
			first, s := g.upgrade(t, addr, encrypted)
			second, err := http.ReadResponse(s.r, nil)
			if err != nil {
				t.Fatal(err)
			}
			last, err := http.ReadResponse(s.r, nil)
			if err != nil || first.StatusCode != 102 || second.StatusCode != 103 || last.StatusCode != want {
				t.Errorf("%v, %v, %v, %v", first, second, last, err)
			}
			if second.Header.Get("Link") != "a" || second.Header.Get("X") != "" {
				t.Errorf("103 says %v", second.Header)
			}
			if want == 502 {
				if a := g.access(t); !strings.Contains(a.Cause, "final answer") {
					t.Errorf("access %+v", a)
				}
			}
		})
	}
}

func TestUpgradesGoToTheRESTServerWhereNoOtherIsConfigured(t *testing.T) {
	g := start(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Upgrade") != "websocket" {
			t.Errorf("the upstream saw no upgrade: %v", r.Header)
		}
		w.WriteHeader(http.StatusForbidden) // as Letta 0.16.8 does
	}), nil)
	for _, encrypted := range []bool{false, true} {
		if res, _ := g.upgrade(t, g.addr, encrypted); res.StatusCode != 403 {
			t.Errorf("status %d", res.StatusCode)
		}
	}
}

func TestOriginIsDroppedAndTheTokenAdded(t *testing.T) {
	up := startWS(t, echoBytes)
	upstream := Upstream{Dial: dialer(up.addr), DropOrigin: true, Bearer: "s3cret"}
	eachSocket(t, upstream, func(t *testing.T, g *rig, addr string, encrypted bool) {
		g.upgrade(t, addr, encrypted, "Origin: https://app.letta.com")
		if h := (<-up.requests).Header; h["Origin"] != nil || h.Get("Authorization") != "Bearer s3cret" {
			t.Errorf("upstream saw %v", h)
		}
		g.upgrade(t, addr, encrypted, "Authorization: Bearer mine")
		if h := (<-up.requests).Header; h.Get("Authorization") != "Bearer mine" {
			t.Errorf("upstream saw %v", h)
		}
		if res, _ := g.upgrade(t, addr, encrypted, "Origin: https://evil.example"); res.StatusCode != 403 {
			t.Errorf("a foreign origin got %d", res.StatusCode)
		}
	})
}

// TestOneSidedEndDoesNotHoldATunnel: one side ends, and the other stays silent.
func TestOneSidedEndDoesNotHoldATunnel(t *testing.T) {
	released := make(chan struct{})
	for name, serve := range map[string]func(net.Conn, *bufio.Reader){
		"client ends": func(c net.Conn, r *bufio.Reader) {
			io.WriteString(c, switching)
			<-released
		},
		"upstream ends": func(c net.Conn, r *bufio.Reader) { io.WriteString(c, switching) },
	} {
		t.Run(name, func(t *testing.T) {
			g := startAt(t, startWS(t, serve).addr, nil, func(p *Proxy) { p.limits.halfOpen = 20 * time.Millisecond })
			_, s := g.upgrade(t, g.addr, false)
			if name == "client ends" {
				closeWrite(s.Conn)
				defer close(released)
			}
			if a := g.access(t); a.Status != 101 || !strings.Contains(a.Cause, "sent nothing for 20ms") {
				t.Errorf("access %+v", a)
			}
		})
	}
}

func TestAbortedPeerEndsTheOtherSide(t *testing.T) {
	ended := make(chan struct{}, 1)
	up := startWS(t, func(c net.Conn, r *bufio.Reader) {
		io.WriteString(c, switching)
		io.Copy(io.Discard, r)
		ended <- struct{}{}
	})
	g := startAt(t, up.addr, nil)
	_, s := g.upgrade(t, g.addr, false)
	s.Conn.(*net.TCPConn).SetLinger(0)
	s.Close()
	<-ended
	if a := g.access(t); a.Status != 101 || !strings.Contains(a.Cause, "client") {
		t.Errorf("access %+v", a)
	}
}

// acceptElsewhere is a real WebSocket server of another hand.
func acceptElsewhere(w http.ResponseWriter, r *http.Request) {
	c, err := websocket.Accept(w, r, &websocket.AcceptOptions{InsecureSkipVerify: true})
	if err != nil {
		return
	}
	defer c.CloseNow()
	for {
		kind, b, err := c.Read(r.Context())
		if err != nil {
			return
		}
		c.Write(r.Context(), kind, append([]byte("echo "), b...))
	}
}

// dialWS opens a WebSocket as a library does, to wss or ws.
func (g *rig) dialWS(t *testing.T, addr string, encrypted bool) *websocket.Conn {
	t.Helper()
	return g.dialWSPath(t, addr, encrypted, "/")
}

func (g *rig) dialWSPath(t *testing.T, addr string, encrypted bool, path string) *websocket.Conn {
	t.Helper()
	w := g.wires(addr)[0]
	scheme := "ws"
	if encrypted {
		w, scheme = g.wires(addr)[1], "wss"
	}
	client := *w.client
	client.Timeout = 0
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	c, _, err := websocket.Dial(ctx, scheme+"://letta.localhost"+path, &websocket.DialOptions{HTTPClient: &client, CompressionMode: websocket.CompressionContextTakeover})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.CloseNow() })
	return c
}

func talk(t *testing.T, c *websocket.Conn) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := c.Write(ctx, websocket.MessageText, []byte("hi")); err != nil {
		t.Fatal(err)
	}
	if _, b, err := c.Read(ctx); string(b) != "echo hi" {
		t.Fatalf("%q, %v", b, err)
	}
}

func TestWebSocketLibrariesTalkThroughTheTunnel(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(acceptElsewhere))
	t.Cleanup(server.Close)
	eachSocket(t, Upstream{Dial: dialer(server.Listener.Addr().String())}, func(t *testing.T, g *rig, addr string, encrypted bool) {
		c := g.dialWS(t, addr, encrypted)
		talk(t, c)
		if err := c.Close(websocket.StatusNormalClosure, "done"); err != nil {
			t.Error(err)
		}
		if a := g.access(t); !a.WebSocket || a.Cause != "" || a.TLS != encrypted {
			t.Errorf("access %+v", a)
		}
	})
}

// TestExtendedConnectStaysOff: browsers that see it offered stop using HTTP/1.1
// for wss (golang/go#71128).
func TestExtendedConnectStaysOff(t *testing.T) {
	t.Setenv("GODEBUG", "http2xconnect=1")
	l := listenLoopback(t)
	defer l.Close()
	_, err := New(Config{Listeners: []Listener{{Listener: l}}, REST: Upstream{Dial: dialer("")}})
	if err == nil {
		t.Fatal("New accepts it")
	}
	if h, ok := err.(interface{ Hint() string }); !ok || h.Hint() != "unset GODEBUG" {
		t.Errorf("%v has no hint", err)
	}
}
