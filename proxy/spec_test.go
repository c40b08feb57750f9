package proxy

import (
	"bytes"
	"io"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/http2"
)

// TestWhatLettasNginxGetsWrong: what the nginx.conf beside the Letta server breaks, measured. Here it works, on every wire.
func TestWhatLettasNginxGetsWrong(t *testing.T) {
	g := start(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/v1/agents" { // as FastAPI does
			http.Redirect(w, r, r.Header.Get("X-Forwarded-Proto")+"://"+r.Host+"/v1/agents/", http.StatusTemporaryRedirect)
			return
		}
		echo().ServeHTTP(w, r)
	}), nil)
	g.each(t, func(t *testing.T, w wire) {
		for name, works := range map[string]func() bool{
			"bodies over 1 MB refused": func() bool {
				large := strings.Repeat("x", 2<<20)
				res, body := w.do(t, "POST", "/", strings.NewReader(large))
				return res.StatusCode == 200 && hear(t, body).Body == large
			},
			"header user_id dropped (underscore)": func() bool {
				_, body := w.do(t, "GET", "/", nil, "user_id: user-1")
				return hear(t, body).Header.Get("user_id") == "user-1"
			},
			"port lost from Host, so redirects go wrong": func() bool {
				res, _ := w.do(t, "GET", "/v1/agents", nil, "Host: letta.localhost:8283")
				return res.Header.Get("Location") == w.scheme+"://letta.localhost:8283/v1/agents/"
			},
			"X-Forwarded-Proto": func() bool {
				_, body := w.do(t, "GET", "/", nil)
				return hear(t, body).Header.Get("X-Forwarded-Proto") == w.scheme
			},
			"every Host but letta.localhost is 404, localhost too": func() bool {
				for _, host := range []string{"localhost", "127.0.0.1:8283", "[::1]", "api.letta.localhost"} {
					if res, _ := w.do(t, "GET", "/", nil, "Host: "+host); res.StatusCode != 200 {
						return false
					}
				}
				return true
			},
		} {
			if !works() {
				t.Errorf("as it does: %s", name)
			}
		}
	})
}

// TestCrossSiteWebSocketHijacking: a page of another origin opens no WebSocket, however its origin is spelled; a program, which has
// none, does.
func TestCrossSiteWebSocketHijacking(t *testing.T) {
	up := startWS(t, echoBytes)
	eachSocket(t, Upstream{Dial: dialer(up.addr)}, func(t *testing.T, g *rig, addr string, encrypted bool) {
		for origin, want := range map[string]int{
			"":                                  101, // absent
			"https://letta.localhost":           101,
			"http://localhost:3000":             101,
			"HTTPS://LETTA.LOCALHOST":           101, // upper-case
			"https://letta.localhost.":          101, // trailing dot: the same name
			"https://evil.example":              403,
			"null":                              403,
			"http://127.0.0.1.evil":             403, // prefix trap
			"https://letta.localhost.evil":      403,
			"https://evilletta.localhost":       403,
			"https://letta.localhost@evil.test": 403,
			"https://evil.test#letta.localhost": 403,
			"https://l\u0435tta.localhost":      403, // IDN: a Cyrillic e
			"https://xn--ltta-e5d.localhost":    403,
			"file://":                           403,
			"https://":                          403,
			"letta.localhost":                   403,
		} {
			fields := []string{"Origin: " + origin}
			if origin == "" {
				fields = nil
			}
			res, _ := g.upgrade(t, addr, encrypted, fields...)
			if res.StatusCode != want {
				t.Errorf("Origin %q: %d, want %d", origin, res.StatusCode, want)
			}
		}
	})
}

// TestConnectionCloseIsHonoured, both ways (RFC 9112, section 9.6).
func TestConnectionCloseIsHonoured(t *testing.T) {
	up := startRecorder(t)
	g := startAt(t, up.addr, nil)
	for i, e := range g.entrances() {
		for j, value := range []string{"close", "keep-alive, Close", "x,close"} {
			replies := e.converse(t, get("Connection: "+value+"\r\n")+smuggled)
			if got := statuses(replies); !reflect.DeepEqual(got, []int{200}) || !replies[0].Close {
				t.Errorf("%s, %s: answered %d", e.name, value, got)
			}
			if n := len(requestsIn(up.heard()...)); n != i*3+j+1 {
				t.Errorf("%s, %s: the upstream got %d requests", e.name, value, n)
			}
		}
	}
}

// TestDrippingHeads end after the time of a head, however steadily they come.
func TestDrippingHeads(t *testing.T) {
	g := start(t, echo(), nil, func(p *Proxy) { p.limits.head = time.Second })
	for _, e := range g.entrances() {
		t.Run(e.name, func(t *testing.T) {
			t.Parallel()
			c := e.say(t, "GET / HTTP/1.1\r\nX: ")
			tick := time.NewTicker(20 * time.Millisecond)
			defer tick.Stop()
			for err, begin := error(nil), time.Now(); err == nil; <-tick.C {
				if _, err = io.WriteString(c, "a"); time.Since(begin) > patience/2 {
					t.Fatal("the connection stays open")
				}
			}
		})
	}
}

// TestSlowBodiesHaveTheirTime: no limit of a head or of a rest holds for what moves on a connection.
func TestSlowBodiesHaveTheirTime(t *testing.T) {
	const limit = 500 * time.Millisecond
	g := start(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		first := make([]byte, 1)
		io.ReadFull(r.Body, first)
		rest, _ := io.ReadAll(r.Body)
		w.Write(append(first, rest...))
		w.(http.Flusher).Flush()
		<-time.After(2 * limit)
		io.WriteString(w, "c")
	}), nil, func(p *Proxy) { p.limits.head, p.limits.idle, p.limits.linger = limit, limit, limit })
	g.each(t, func(t *testing.T, w wire) {
		t.Parallel()
		r, body := io.Pipe()
		go func() {
			io.WriteString(body, "a")
			<-time.After(2 * limit)
			io.WriteString(body, "b")
			body.Close()
		}()
		if res, got := w.do(t, "POST", "/", r); res.StatusCode != 200 || got != "abc" {
			t.Errorf("%d %q", res.StatusCode, got)
		}
	})
}

// TestRapidReset: a client that resets streams as fast as it opens them (CVE-2023-44487) costs the others nothing, and leaves nothing.
func TestRapidReset(t *testing.T) {
	up := startRecorder(t)
	g := startAt(t, up.addr, func(c *Config) { c.Access = nil }) // nothing reads that many
	f := g.frames(t)
	for i := range uint32(2000) {
		f.head(2*i+1, true, pseudo("GET", "/")...)
		if f.WriteRSTStream(2*i+1, http2.ErrCodeCancel) != nil {
			break // it had enough
		}
	}
	g.each(t, func(t *testing.T, w wire) {
		if res, _ := w.do(t, "GET", "/", nil); res.StatusCode != 200 {
			t.Errorf("status %d", res.StatusCode)
		}
	})
	g.proxy.rest.mu.Lock()
	defer g.proxy.rest.mu.Unlock()
	if n := len(g.proxy.rest.idle); n > maxIdle {
		t.Errorf("%d connections at rest", n)
	}
}

// TestNothingIsReflected: what a client sent stands in no answer of ours.
func TestNothingIsReflected(t *testing.T) {
	g := startAt(t, nobody(t), nil)
	const mark = "<b>MARK-1b9c"
	for _, e := range g.allEntrances() {
		for _, request := range []string{
			"GET /" + "MARK-1b9c HTTP/1.1\r\nHost: mark-1b9c.example\r\nAccept: text/html\r\n\r\n",
			get("X: " + mark + "\x00\r\n"), get(mark + ": 1\r\n"), mark + " / HTTP/1.1\r\n\r\n", "GET / " + mark + "\r\n\r\n",
			"GET /MARK-1b9c?MARK-1b9c HTTP/1.1\r\n" + hostLine + "Accept: text/html\r\nCookie: " + mark + "\r\nX-MARK-1b9c: a\r\n\r\n",
			post("Expect: "+mark+"\r\n", ""), post("Origin: http://MARK-1b9c\r\n", ""), post("Transfer-Encoding: "+mark+"\r\n", ""),
		} {
			c := e.say(t, request+"GET /\n")
			all, err := io.ReadAll(c)
			if err != nil || len(all) == 0 || bytes.Contains(bytes.ToLower(all), []byte("mark-1b9c")) {
				t.Errorf("%s: %q is answered %q, %v", e.name, request, all, err)
			}
		}
	}
}
