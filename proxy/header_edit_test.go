package proxy

import (
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"reflect"
	"strings"
	"testing"

	"github.com/letta-dev/letta-dev/proxy/http1"
	"github.com/letta-dev/letta-dev/proxy/policy"
)

func TestHeadersOfThePolicy(t *testing.T) {
	g := start(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header()["X-Frame-Options"] = []string{"SAMEORIGIN", "ALLOWALL"}
		w.Header().Set("Server", "uvicorn")
		w.Header().Set("X-Kept", "1")
		echo().ServeHTTP(w, r)
	}), func(c *Config) {
		c.Policy.Request = []policy.Header{{Name: "X-Team", Value: "blue"}, {Name: "Cookie"}, {Name: "authorization", Value: "Bearer ours"}}
		c.Policy.Response = []policy.Header{{Name: "x-frame-options", Value: "DENY"}, {Name: "Server"}, {Name: "X-New", Value: "a, b"}}
	})
	g.each(t, func(t *testing.T, w wire) {
		res, body := w.do(t, "GET", "/", nil, "x-team: red", "X-Team: green", "Cookie: a=b", "Authorization: Bearer theirs", "X-Other: kept")
		got := hear(t, body).Header
		for name, want := range map[string]string{"X-Team": "blue", "Cookie": "", "Authorization": "Bearer ours", "X-Other": "kept"} {
			if s := strings.Join(got.Values(name), "|"); s != want {
				t.Errorf("the upstream got %s %q, want %q", name, s, want)
			}
		}
		for name, want := range map[string]string{"X-Frame-Options": "DENY", "Server": "", "X-New": "a, b", "X-Kept": "1"} {
			if s := strings.Join(res.Header.Values(name), "|"); s != want {
				t.Errorf("the client got %s %q, want %q", name, s, want)
			}
		}
		// An answer of ours as well.
		if res, _ := w.do(t, "GET", "/", nil, "Host: evil.example"); res.StatusCode != 404 || res.Header.Get("X-Frame-Options") != "DENY" {
			t.Errorf("%d with X-Frame-Options %q", res.StatusCode, res.Header.Get("X-Frame-Options"))
		}
	})
}

// An answer that is not final brings nothing that the policy sets or removes.
func TestHeadersOfThePolicyInHints(t *testing.T) {
	g := start(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for _, name := range []string{"X-Frame-Options", "Server", "Link", "X-Demo"} {
			w.Header().Set(name, "theirs")
		}
		w.WriteHeader(http.StatusEarlyHints)
	}), func(c *Config) {
		c.Header = http.Header{"X-Demo": {"yes"}}
		c.Policy.Response = []policy.Header{{Name: "x-frame-options", Value: "DENY"}, {Name: "Server"}}
	})
	g.each(t, func(t *testing.T, w wire) {
		var hints http.Header
		trace := &httptrace.ClientTrace{Got1xxResponse: func(_ int, h textproto.MIMEHeader) error {
			hints = http.Header(h)
			return nil
		}}
		res, err := w.client.Do(w.request(t, "GET", "/", nil).WithContext(httptrace.WithClientTrace(t.Context(), trace)))
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if want := (http.Header{"Link": {"theirs"}}); !reflect.DeepEqual(hints, want) {
			t.Errorf("the client was informed of %v, want %v", hints, want)
		}
	})
}

func TestHeadersOfThePolicyInHandshakes(t *testing.T) {
	server := startWS(t, echoBytes)
	g := startAt(t, server.addr, func(c *Config) {
		c.Policy.Request = []policy.Header{{Name: "X-Team", Value: "blue"}}
		c.Policy.Response = []policy.Header{{Name: "X-New", Value: "1"}}
	})
	res, s := g.upgrade(t, g.addr, false)
	defer s.Close()
	if got := (<-server.requests).Header.Get("X-Team"); got != "blue" || res.StatusCode != 101 || res.Header.Get("X-New") != "1" {
		t.Errorf("%d, X-Team %q, X-New %q", res.StatusCode, got, res.Header.Get("X-New"))
	}
}

// The demo's mark is in every answer, whatever else is set.
func TestConfigHeaderStaysAboveThePolicy(t *testing.T) {
	g := start(t, echo(), func(c *Config) {
		c.Header = http.Header{"X-Demo": {"yes"}}
		c.Policy.Response = []policy.Header{{Name: "X-Demo", Value: "no"}}
	})
	if res, _ := g.wires(g.addr)[0].do(t, "GET", "/", nil); strings.Join(res.Header["X-Demo"], "|") != "yes" {
		t.Errorf("X-Demo %q", res.Header["X-Demo"])
	}
}

func TestVaryIsAddedOnce(t *testing.T) {
	for had, want := range map[string]string{
		"": "Origin", "Accept": "Accept, Origin", "accept, ORIGIN": "accept, ORIGIN", "*": "*",
	} {
		var fields http1.Fields
		if had != "" {
			fields = http1.Fields{{Name: "vary", Value: had}}
		}
		got := vary(vary(fields, "Origin"), "Origin")
		if len(got) != 1 || got[0].Value != want {
			t.Errorf("%q became %q, want %q", had, got, want)
		}
	}
}

// The rules that a program writes into a Config are held to the same as those read from text.
func TestHeadersThatCannotBe(t *testing.T) {
	for _, h := range []policy.Header{{Name: "X-A", Value: "a\r\nX-Evil: 1"}, {Name: "X-A\r\nX-Evil", Value: "1"}, {Name: "Content-Length", Value: "1"}, {Name: "", Value: "1"}} {
		_, err := New(Config{Listeners: []Listener{{}}, REST: Upstream{Dial: dialer("")}, Policy: policy.Rules{Response: []policy.Header{h}}})
		if err == nil {
			t.Errorf("%q was taken", h)
		}
	}
}
