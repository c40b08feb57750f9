package proxy

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/letta-dev/letta-dev/proxy/policy"
)

// routed configures routes; "@" stands for the address of a server.
func routed(server string, routes ...string) func(*Config) {
	return func(c *Config) {
		c.RouteUpstream = func(u *url.URL) Upstream { return Upstream{Name: u.Host, Dial: dialer(u.Host)} }
		for _, text := range routes {
			route, err := policy.ParseRoute(strings.ReplaceAll(text, "@", server))
			if err != nil {
				panic(err)
			}
			c.Policy.Routes = append(c.Policy.Routes, route)
		}
	}
}

// echoServer is a server that says it is not the Letta server.
func echoServer(t *testing.T) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Server", "other")
		echo().ServeHTTP(w, r)
	}))
	t.Cleanup(s.Close)
	return s.Listener.Addr().String()
}

// The route is chosen by the bytes of the path, and only its prefix is taken off.
func TestRoutesTakeTheirPrefixOff(t *testing.T) {
	g := start(t, echo(), routed(echoServer(t), "/letta/", "/letta/admin/=http://@", "/app/=http://@/base/"))
	tests := []struct{ path, server, target, prefix string }{
		{"/letta/", "", "/", "/letta"},
		{"/letta/v1/agents/?a=1;b&c=%2F", "", "/v1/agents/?a=1;b&c=%2F", "/letta"},
		{"/letta/a%2f..%2fb//c", "", "/a%2f..%2fb//c", "/letta"},
		{"/letta/../v1", "", "/../v1", "/letta"}, // below / there is nothing to climb out of
		{"/letta/?x", "", "/?x", "/letta"},
		{"/letta/admin/x", "other", "/x", "/letta/admin"},
		{"/letta/administrator", "", "/administrator", "/letta"},
		{"/app/", "other", "/base/", "/app"},
		{"/app/a/../b", "other", "/base/a/../b", "/app"},
		{"/app/..a/.b/...", "other", "/base/..a/.b/...", "/app"},
		{"/app//x", "other", "/base//x", "/app"},
		{"/LETTA/x", "", "/LETTA/x", ""},
		{"/%6cetta/x", "", "/%6cetta/x", ""},
		{"/lettax/", "", "/lettax/", ""},
		{"//letta/x", "", "//letta/x", ""},
		{"/?/letta/", "", "/?/letta/", ""},
		{"/", "", "/", ""},
	}
	g.each(t, func(t *testing.T, w wire) {
		for _, test := range tests {
			res, body := w.do(t, "POST", test.path, strings.NewReader("body"), "X-Forwarded-Prefix: /evil")
			h := hear(t, body)
			if res.Header.Get("X-Server") != test.server || h.Target != test.target || h.Body != "body" || h.Host != "letta.localhost" {
				t.Errorf("%s: server %q got %q %q for host %q", test.path, res.Header.Get("X-Server"), h.Target, h.Body, h.Host)
			}
			if got := h.Header.Values("X-Forwarded-Prefix"); strings.Join(got, "|") != test.prefix {
				t.Errorf("%s: X-Forwarded-Prefix %q, want %q", test.path, got, test.prefix)
			}
		}
	})
}

func TestRouteWithoutItsSlashRedirects(t *testing.T) {
	g := start(t, echo(), routed(echoServer(t), "/letta/", "/letta/admin/=http://@"))
	g.each(t, func(t *testing.T, w wire) {
		for path, want := range map[string]string{
			"/letta": "/letta/", "/letta?a=1&b": "/letta/?a=1&b", "/letta?": "/letta/", "/letta/admin": "/letta/admin/",
		} {
			res, body := w.do(t, "POST", path, strings.NewReader("x"))
			if res.StatusCode != 308 || strings.TrimSuffix(res.Header.Get("Location"), "?") != want || errorIn(t, body).Code != "moved" {
				t.Errorf("%s: %d to %q", path, res.StatusCode, res.Header.Get("Location"))
			}
		}
	})
}

func TestNobodyClimbsOutOfABase(t *testing.T) {
	g := start(t, echo(), routed(echoServer(t), "/app/=http://@/base/"))
	g.each(t, func(t *testing.T, w wire) {
		for _, path := range []string{"..", "../x", "a/../../x", "%2e%2e/x", ".%2E/", "a/..%2f..%2fx", "..%5cx", "./../x", "a//../../x",
			"..;/x", "..;a=b/../x", "..%3bx/y", "a/..;/..;/x", "%252e%252e/x", "..%00/x", "x%2fy/../../z"} {
			res, body := w.do(t, "GET", "/app/"+path, nil)
			if res.StatusCode != 400 || errorIn(t, body).Code != "bad_path" {
				t.Errorf("%s: %d %s", path, res.StatusCode, body)
			}
		}
	})
}

// A redirect of the upstream leads to where its client finds it.
func TestRedirectsBelowARoute(t *testing.T) {
	redirect := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Location", r.Header.Get("X-Location"))
		w.WriteHeader(http.StatusTemporaryRedirect)
	})
	server := httptest.NewServer(redirect)
	t.Cleanup(server.Close)
	at := server.Listener.Addr().String()
	g := start(t, redirect, routed(at, "/letta/", "/app/=http://@/base/"))
	g.each(t, func(t *testing.T, w wire) {
		for _, test := range []struct{ path, location, want string }{
			{"/letta/x", "/docs?a#b", "/letta/docs?a#b"},
			{"/letta/x", "/letta/docs", "/letta/docs"}, // it heeds X-Forwarded-Prefix
			{"/letta/x", "docs", "docs"},
			{"/letta/x", "?page=2", "?page=2"},
			{"/letta/x", "http://letta.localhost/docs", w.scheme + "://letta.localhost/letta/docs"},
			{"/letta/x", "http://letta.localhost", w.scheme + "://letta.localhost/letta/"},
			{"/letta/x", "http://letta.localhost?a", w.scheme + "://letta.localhost/letta/?a"},
			{"/letta/x", "//letta.localhost/docs", "//letta.localhost/letta/docs"},
			{"/letta/x", "https://elsewhere.example/docs", "https://elsewhere.example/docs"},
			{"/letta/x", "//elsewhere.example/docs", "//elsewhere.example/docs"},
			{"/letta/x", "http://letta.localhost.evil/docs", "http://letta.localhost.evil/docs"},
			{"/letta/x", "mailto:a@b", "mailto:a@b"},
			{"/app/x", "/base/docs", "/app/docs"},
			{"/app/x", "/base", "/base"}, // not below the base, so nowhere below the route
			{"/app/x", "/other", "/other"},
			{"/app/x", "http://" + at + "/base/docs", w.scheme + "://letta.localhost/app/docs"},
			{"/x", "/docs", "/docs"},
			{"/x", "http://letta.localhost/docs", w.scheme + "://letta.localhost/docs"},
			{"/x", "http://" + at + "/docs", "http://" + at + "/docs"}, // of a route, and this is another server
		} {
			res, _ := w.do(t, "GET", test.path, nil, "X-Location: "+test.location)
			if got := res.Header.Get("Location"); got != test.want {
				t.Errorf("%s: %q became %q, want %q", test.path, test.location, got, test.want)
			}
		}
	})
}

func TestWebSocketsTakeRoutes(t *testing.T) {
	rest, other := startWS(t, echoBytes), startWS(t, echoBytes)
	g := startAt(t, rest.addr, routed(other.addr, "/letta/", "/app/=http://@/base/"))
	for _, test := range []struct {
		addr, path, target string
		server             *wsServer
	}{
		{g.addr, "/letta/ws?a=1;b", "/ws?a=1;b", rest},
		{g.addr, "/app/ws?a=1;b", "/base/ws?a=1;b", other},
		{g.wsAddr, "/app/ws", "/base/ws", other},
		{g.addr, "/ws", "/ws", rest},
	} {
		res, s := g.upgradeWith(t, test.addr, true, strings.Replace(handshakeOf(), "/ws?a=1;b", test.path, 1))
		if res.StatusCode != 101 {
			t.Fatalf("%s: %d", test.path, res.StatusCode)
		}
		if got := (<-test.server.requests).RequestURI; got != test.target {
			t.Errorf("%s: the upstream got %q, want %q", test.path, got, test.target)
		}
		io.WriteString(s, "frame")
		b := make([]byte, 5)
		if _, err := io.ReadFull(s.r, b); err != nil || string(b) != "frame" {
			t.Errorf("%s: %q %v", test.path, b, err)
		}
		s.Close()
	}
}

// A bridge sees the path as an upstream does.
func TestBridgeBelowARoute(t *testing.T) {
	seen := make(chan string, 1)
	g := start(t, echo(), func(c *Config) {
		routed("", "/letta/")(c)
		c.WebSocket.Bridge = http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { seen <- r.URL.Path + " " + r.RequestURI })
	})
	g.upgradeWith(t, g.wsAddr, false, strings.Replace(handshakeOf(), "/ws?a=1;b", "/letta/ws", 1))
	if got := <-seen; got != "/ws /ws" {
		t.Errorf("the bridge got %q", got)
	}
}

func TestStreamsTakeRoutes(t *testing.T) {
	more := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		io.WriteString(w, "data: 1\n\n")
		http.NewResponseController(w).Flush()
		<-more
	}))
	t.Cleanup(server.Close)
	t.Cleanup(func() { close(more) })
	g := start(t, echo(), routed(server.Listener.Addr().String(), "/sse/=http://@"))
	g.each(t, func(t *testing.T, w wire) {
		res, err := w.client.Do(w.request(t, "GET", "/sse/", nil))
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		b := make([]byte, 9)
		if _, err := io.ReadFull(res.Body, b); err != nil || string(b) != "data: 1\n\n" {
			t.Errorf("%q %v", b, err)
		}
	})
}

func TestRouteNobodyServes(t *testing.T) {
	g := start(t, echo(), routed(nobody(t), "/app/=http://@", "/letta/"))
	g.each(t, func(t *testing.T, w wire) {
		if res, body := w.do(t, "GET", "/app/x", nil); res.StatusCode != 502 || errorIn(t, body).Code != "upstream_unreachable" {
			t.Errorf("%d %s", res.StatusCode, body)
		}
		if res, _ := w.do(t, "GET", "/letta/x", nil); res.StatusCode != 200 {
			t.Errorf("the other route: %d", res.StatusCode)
		}
	})
}

func TestRoutesThatCannotBe(t *testing.T) {
	for _, routes := range [][]policy.Route{{{Path: "/a"}}, {{Path: "/a/"}, {Path: "/a/"}}, {{Path: "/a/", Upstream: "http://h"}}} {
		_, err := New(Config{Listeners: []Listener{{}}, REST: Upstream{Dial: dialer("")}, Policy: policy.Rules{Routes: routes}})
		if err == nil {
			t.Errorf("%+v was taken", routes)
		}
	}
}
