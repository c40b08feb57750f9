package proxy

import (
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

func TestAccessRecord(t *testing.T) {
	var ticks atomic.Int64
	g := start(t, echo(), func(c *Config) {
		c.Now = func() time.Time { return clock.Add(time.Duration(ticks.Add(1)) * time.Second) }
	})
	g.each(t, func(t *testing.T, w wire) {
		ticks.Store(0)
		res, body := w.do(t, "POST", "/v1/x%2F?token=abc&q=1", strings.NewReader("12345"), "Host: localhost:8283")
		a := g.access(t)
		if a.Client == "" || a.Listener != g.addr {
			t.Errorf("addresses %+v", a)
		}
		a.Client, a.Listener = "", ""
		want := Access{
			Time: clock.Add(time.Second), Protocol: w.proto, TLS: w.scheme == "https", Method: "POST", Host: "localhost:8283",
			Path: "/v1/x%2F?token=***&q=1", Status: res.StatusCode, BytesIn: 5, BytesOut: int64(len(body)),
			Head: time.Second, Total: 2 * time.Second, Upstream: "letta-server:8283",
		}
		if a != want {
			t.Errorf("got  %+v\nwant %+v", a, want)
		}
	})
}

// A client of HTTP/1.0 is one, in the record and to those that its request passes (RFC 9110, section 7.6.3).
func TestOldClientIsTold(t *testing.T) {
	g := start(t, echo(), nil)
	for _, e := range g.entrances() {
		got := e.converse(t, "GET / HTTP/1.0\r\n"+hostLine+"\r\n")
		if a := g.access(t); a.Protocol != "HTTP/1.0" {
			t.Errorf("%s: record of %s", e.name, a.Protocol)
		}
		if via := hear(t, got[0].body).Header.Get("Via"); !strings.HasPrefix(via, "1.0 ") {
			t.Errorf("%s: Via: %s", e.name, via)
		}
	}
}

// The record of a target in absolute-form (RFC 9112, section 3.2.2) has its host once.
func TestAbsoluteTargetInTheRecord(t *testing.T) {
	g := start(t, echo(), nil)
	for _, e := range g.entrances() {
		scheme := map[bool]string{true: "https", false: "http"}
		got := e.converse(t, "GET "+scheme[e.secure]+"://letta.localhost/a?token=b HTTP/1.1\r\n"+hostLine+"Connection: close\r\n\r\n")
		if a := g.access(t); got[0].StatusCode != 200 || a.Host != "letta.localhost" || a.Path != "/a?token=***" {
			t.Errorf("%s: %d, record of %s %s", e.name, got[0].StatusCode, a.Host, a.Path)
		}
	}
}

// Advice is typed as the program was: it may not be in the PATH, and about another project.
func TestAdviceAsTyped(t *testing.T) {
	g := start(t, echo(), func(c *Config) {
		c.AsTyped = func(advice string) string { return "./bin/" + advice }
	})
	g.each(t, func(t *testing.T, w wire) {
		_, body := w.do(t, "GET", "/", nil, "Host: other.test")
		if e := errorIn(t, body); !strings.HasPrefix(e.Hint, "./bin/letta-dev status") {
			t.Errorf("advice %q", e.Hint)
		}
	})
}

func TestConfigHeaderIsOnEveryAnswer(t *testing.T) {
	up := startWS(t, echoBytes)
	g := start(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Letta-Dev", "from the upstream")
	}), func(c *Config) {
		c.Header = http.Header{"X-Letta-Dev": {"demo"}}
		c.WebSocket.Upstream = &Upstream{Dial: dialer(up.addr)}
	})
	check := func(what string, res *http.Response) {
		if got := res.Header["X-Letta-Dev"]; len(got) != 1 || got[0] != "demo" {
			t.Errorf("%s: %q", what, got)
		}
	}
	for _, w := range g.wires(g.addr) {
		res, _ := w.do(t, "GET", "/", nil)
		check("forwarded", res)
		res, _ = w.do(t, "GET", "/", nil, "Host: evil.example")
		check("refused", res)
	}
	res, _ := g.upgrade(t, g.addr, true)
	check("upgraded", res)
}
