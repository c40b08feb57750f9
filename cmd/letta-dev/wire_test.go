package main

import (
	"context"
	"net"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/letta-dev/letta-dev/proxy"
)

func TestWebSocketUpstream(t *testing.T) {
	for _, test := range []struct{ url, name, path, query, bearer string }{
		{"ws://127.0.0.1:4500", "127.0.0.1:4500", "", "", ""},
		{"ws://localhost:4500/", "localhost:4500", "", "", ""},
		{"ws://localhost:4500/ws", "localhost:4500", "/ws", "", ""},
		{"wss://host/a%2Fb/?x=1;y=%20", "host", "/a%2Fb/", "x=1;y=%20", ""},
		{"http://[::1]:1/ws?token=a%2Bb&x=1", "[::1]:1", "/ws", "token=a%2Bb&x=1", "a+b"},
	} {
		u, err := webSocketURL("letta-dev up", test.url)
		if err != nil {
			t.Errorf("%q: %v", test.url, err)
			continue
		}
		up := webSocketUpstream(u)
		if up.Name != test.name || up.Path != test.path || up.Query != test.query || up.Bearer != test.bearer || !up.DropOrigin || up.Dial == nil {
			t.Errorf("%q: %+v", test.url, up)
		}
		if state, _ := up.State(); state.Phase != proxy.Ready || !strings.HasPrefix(state.Hint, "curl -i http") || strings.Contains(state.Hint, "a%2Bb") {
			t.Errorf("%q: %+v", test.url, state)
		}
	}
	for _, bad := range []string{
		"", "localhost:4500", "ftp://a", "ws://", "ws://:4500", "ws://a/ b?x y", "ws://a?x=\n", "ws://a?token=%0d%0aX:1", "ws://u:p@a", "ws://a/#f", "ws://a?tok\u00e9n=1",
		"ws://a:0", "ws://a:65536", "ws://a:99999/ws", "ws://a:-1", "ws://a:http",
	} {
		if _, err := webSocketURL("letta-dev up", bad); err == nil {
			t.Errorf("%q is accepted", bad)
		}
	}
}

// Zero is what was asked for, and no default.
func TestGrace(t *testing.T) {
	if got := grace(0); got >= 0 {
		t.Errorf("at once is %v", got)
	}
	if got := grace(time.Minute); got != time.Minute {
		t.Errorf("a minute is %v", got)
	}
}

func TestServerURL(t *testing.T) {
	for _, good := range []string{"http://127.0.0.1:8283", "https://[::1]:1/", "http://letta.test", "http://h:65535"} {
		if _, err := serverURL("letta-dev up", good); err != nil {
			t.Errorf("%q: %v", good, err)
		}
	}
	for _, bad := range []string{
		"", "h", "h:80", "ftp://h", "http://", "http://:8000", "http://h:0", "http://h:00", "http://h:65536", "http://h:x", "http://h/v1", "http://h?", "http://h/?a", "http://h#", "http://u@h",
	} {
		if _, err := serverURL("letta-dev up", bad); err == nil {
			t.Errorf("%q is accepted", bad)
		}
	}
}

// What is refused for its password, or beside it, does not repeat it: terminals are shared, and logs are kept.
func TestRefusedURLsTellNoPassword(t *testing.T) {
	const secret = "hunter2"
	for _, args := range [][]string{
		{"--upstream", "http://me:" + secret + "@h"}, {"--upstream", "http://me:" + secret + "/x@h:0"}, {"--upstream", "http://h/?token=" + secret},
		{"--upstream", "http://h", "--ws-upstream", "ws://me:" + secret + "@h"}, {"--upstream", "http://h", "--ws-upstream", "ftp://h/?token=" + secret},
		{"--upstream", "http://h", "--ws-upstream", "ws://me:" + secret + "#@h:99999"}, {"--upstream", "http://h", "--ws-upstream", "ws://h:0/?password=" + secret + "&x"},
		{"--upstream", "http://h", "--route", "/a/=http://me:" + secret + "@h/"}, {"--upstream", "http://h", "--route", "http://me:" + secret + "@h/"},
		{"--upstream", "http://h", "--route", "/a/=http://h:0/?key=" + secret},
		{"--upstream", "http://h", "--header", "X-Pass " + secret}, {"--upstream", "http://h", "--request-header", "X-Pass: " + secret + "\x01"},
	} {
		var said strings.Builder
		a := &app{stdout: &said, stderr: &said, dir: t.TempDir(), now: noon, env: func(string) (string, bool) { return "", false }}
		if code := run(t.Context(), a, append([]string{"proxy"}, args...)); code != exitUsage || strings.Contains(said.String(), secret) {
			t.Errorf("%q: %d %s", args, code, said.String())
		}
	}
}

// A redirect that names the server leads back to the proxy, so the proxy has to know its names.
func TestServerAuthorities(t *testing.T) {
	for want, cfg := range map[string]serveConfig{
		"127.0.0.1:80":   {URL: "http://127.0.0.1"},
		"[::1]:3000":     {URL: "http://[::1]:3000/"},
		"letta.test:443": {URL: "https://letta.test"},
		"localhost:8283": {ServerNames: []string{"letta-server", "letta"}},
		"letta:8283":     {ServerNames: []string{"letta-server", "letta"}},
		"mine:8283":      {Container: "mine"},
	} {
		if got := (&serving{cfg: cfg}).authorities(); !slices.Contains(got, want) {
			t.Errorf("%+v: %q is not in %q", cfg, want, got)
		}
	}
	for at, want := range map[string]string{"http://letta-server:9000": "localhost:9000", "http://letta-server:8283/": "localhost:8283"} {
		u, err := url.Parse(at)
		if err != nil {
			t.Fatal(err)
		}
		if got := (&serving{cfg: serveConfig{ServerNames: []string{"letta-server"}}}).routeUpstream(u).Authorities; !slices.Contains(got, want) {
			t.Errorf("a route to %s: %q is not in %q", at, want, got)
		}
	}
}

// A server on one address of the loopback is found under localhost, and what is said where there is none names both.
func TestUpstreamOnLocalhost(t *testing.T) {
	l, err := net.Listen("tcp", "[::1]:0")
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(l.Addr().String())
	var dials []func(context.Context) (net.Conn, error)
	for _, at := range []string{"http://localhost:", "ws://letta.localhost:", "http://LOCALHOST.:"} {
		u, err := url.Parse(at + port)
		if err != nil {
			t.Fatal(err)
		}
		dials = append(dials, webSocketUpstream(u).Dial, (&serving{}).routeUpstream(u).Dial)
	}
	for i, dial := range dials {
		conn, err := dial(t.Context())
		if err != nil {
			t.Errorf("%d: %v", i, err)
			continue
		}
		conn.Close()
	}
	l.Close()
	for i, dial := range dials {
		_, err := dial(t.Context())
		if err == nil || !strings.Contains(err.Error(), "[::1]:"+port) || !strings.Contains(err.Error(), "127.0.0.1:"+port) {
			t.Errorf("%d: %v", i, err)
		}
	}
}
