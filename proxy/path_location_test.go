package proxy

import (
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"

	"github.com/letta-dev/letta-dev/proxy/policy"
)

// A server is known by any spelling of its address, and a redirect to it leads to where the client asked, with or without a route.
// One to another port, or to another host, leads there.
func TestRedirectsToTheServerItself(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for _, name := range []string{"Location", "Content-Location", "Refresh"} {
			if value := r.Header.Get("X-" + name); value != "" {
				w.Header().Set(name, value)
			}
		}
		w.WriteHeader(http.StatusFound)
	}))
	t.Cleanup(server.Close)
	_, port, _ := net.SplitHostPort(server.Listener.Addr().String())
	second := listenLoopback(t)
	_, ours, _ := net.SplitHostPort(second.Addr().String())
	g := startAt(t, server.Listener.Addr().String(), func(c *Config) {
		c.Listeners = append(c.Listeners, Listener{Listener: second})
		c.Hosts = []string{"app.test"}
		c.REST.Authorities = []string{"letta-server:8283", "localhost:8283"}
		c.Access = nil // there are more than a rig keeps
		c.Policy.Routes = []policy.Route{{Path: "/app/", Upstream: server.URL + "/"}}
		c.RouteUpstream = func(u *url.URL) Upstream { return Upstream{Name: u.Host, Dial: dialer(u.Host)} }
	})
	redirected := func(t *testing.T, w wire, path, host, field, value string) string {
		t.Helper()
		res, _ := w.do(t, "GET", path, nil, "Host: "+host, "X-"+field+": "+value)
		return res.Header.Get(field)
	}
	g.each(t, func(t *testing.T, w wire) {
		for _, path := range []string{"/", "/app/"} {
			for _, host := range []string{"letta.localhost", "localhost:8443", "127.0.0.1:8443", "[::1]:8443", "app.test:8443"} {
				here := w.scheme + "://" + host + path
				root := here
				if path == "/" { // a path is left out as it was
					root = strings.TrimSuffix(here, "/")
				}
				name, _, _ := splitPort(host)
				for _, authority := range []string{"127.0.0.1", "localhost", "[::1]", "0.0.0.0", "[::]", "LOCALHOST", "localhost.", "Letta.localhost", "[0:0:0:0:0:0:0:1]",
					"[::ffff:127.0.0.1]", "app.localhost", name} {
					for _, scheme := range []string{"http", "https", "HTTP"} {
						if got := redirected(t, w, path, host, "Location", scheme+"://"+authority+":"+port+"/dir/?a#b"); got != here+"dir/?a#b" {
							t.Errorf("%s of %s: %s at %s became %q", path, host, scheme, authority, got)
						}
					}
				}
				for location, want := range map[string]string{
					"//127.0.0.1:" + port + "/dir/":         here + "dir/",
					"http://" + name + ":" + ours + "/dir/": here + "dir/", // of another listener
					"http://other.test:" + ours + "/dir/":   "",
					"http://127.0.0.1:" + port:              root,
					"http://127.0.0.1:0" + port + "?a":      root + "?a",
					"http://a:b@127.0.0.1:" + port + "/x":   w.scheme + "://a:b@" + host + path + "x",
					"http://127.0.0.2:" + port + "/x":       "",
					"http://localhost:1/x":                  "",
					"http://localhost/x:" + port:            "",
					"http://127.0.0.1:" + port + "@evil/x":  "",
					"http://evil.example:" + port + "/x":    "",
					"http://localhost.evil:" + port + "/x":  "",
				} {
					if want == "" {
						want = location
					}
					if location == "http://localhost/x:"+port && host == "letta.localhost" { // our own, by its own port
						continue
					}
					if got := redirected(t, w, path, host, "Location", location); got != want {
						t.Errorf("%s of %s: %q became %q, want %q", path, host, location, got, want)
					}
				}
				self := "http://127.0.0.1:" + port + "/next"
				for value, want := range map[string]string{
					"5; url=" + self: "5; url=" + here + "next", `0;URL="` + self + `"`: `0;URL="` + here + `next"`, "0; url='" + self + "'": "0; url='" + here + "next'", "5": "5", "0;url=": "0;url=",
					"0;" + self: "0;" + here + "next", "0 " + self: "0 " + here + "next", "1.5 , URL = " + self: "1.5 , URL = " + here + "next", `0;"` + self + `"x`: `0;"` + here + `next"x`,
					"0;http://other.test/?url=" + self: "0;http://other.test/?url=" + self, "0;url": "0;url",
				} {
					if got := redirected(t, w, path, host, "Refresh", value); got != want {
						t.Errorf("%s of %s: %q became %q, want %q", path, host, value, got, want)
					}
				}
				if got := redirected(t, w, path, host, "Content-Location", self); got != here+"next" {
					t.Errorf("%s of %s: Content-Location %q", path, host, got)
				}
			}
		}
		for location, want := range map[string]string{
			"http://letta-server:8283/x":         w.scheme + "://localhost:8443/x", // its name in the engine's network
			"http://localhost:8283/x":            w.scheme + "://localhost:8443/x",
			"http://localhost:8443/x":            w.scheme + "://localhost:8443/x", // ours
			"http://LOCALHOST.:8443/x":           w.scheme + "://LOCALHOST.:8443/x",
			"http://ade.letta.localhost:8443/x":  w.scheme + "://ade.letta.localhost:8443/x",
			"https://ade.letta.localhost:8443/x": "https://ade.letta.localhost:8443/x",
			"http://ade.other.localhost:8443/x":  "http://ade.other.localhost:8443/x",
		} {
			if got := redirected(t, w, "/", "localhost:8443", "Location", location); got != want {
				t.Errorf("%q became %q, want %q", location, got, want)
			}
		}
	})
}

// A redirect to somebody else stays as it is, and one to ourselves stays one to ourselves.
func FuzzRelocated(f *testing.F) {
	for _, s := range []string{"/docs", "//evil.example/x", `/\evil.example`, "http://letta.localhost/x", "http://letta.localhost@evil/", "HTTP://127.0.0.1:3000/base/x", "http://a@LOCALHOST.:3000/base/", "http://[::ffff:127.0.0.1]:3000", "http://0.0.0.0:3000/", "http://localhost:3001/", "?a", "", "https://letta.localhost", "0; url = 'http://localhost'x"} {
		f.Add(s, true)
		f.Add(s, false)
	}
	hosts, err := newHostSet(ownNames())
	if err != nil {
		f.Fatal(err)
	}
	near, far := net.Pipe()
	defer near.Close()
	defer far.Close()
	up := &upstreamConn{Conn: near, first: firstByte{upstream: &Upstream{Authorities: []string{"127.0.0.1:3000"}}}}
	f.Fuzz(func(t *testing.T, location string, secure bool) {
		scheme, authority, path := splitLocation(location)
		if scheme+authority+path != location || strings.ContainsAny(authority, `/?#\`) || authority != "" && scheme == "" {
			t.Fatalf("%q was cut into %q, %q and %q", location, scheme, authority, path)
		}
		if before, url, after := splitRefresh(location); before+url+after != location {
			t.Fatalf("%q was cut into %q, %q and %q", location, before, url, after)
		}
		x := &exchange{proxy: &Proxy{hosts: hosts}, request: &request{secure: secure}, pathRoute: &pathRoute{prefix: "/app/", base: "/base/"}}
		x.request.Host = "letta.localhost"
		got := x.relocated(location, up)
		_, after, _ := splitLocation(got)
		u, err := url.Parse(scheme + authority) // the rest cannot change where it leads
		if err != nil || u.Host == "" {
			u = &url.URL{Host: "unknown.example"}
		}
		host := strings.TrimSuffix(lower(u.Hostname()), ".")
		ip, _ := netip.ParseAddr(host)
		loopback := host == "localhost" || strings.HasSuffix(host, ".localhost") || ip.Unmap().IsLoopback() || ip.Unmap().IsUnspecified()
		switch {
		case authority != "" && !loopback && got != location:
			t.Fatalf("%q, which leads to %q, became %q", location, authority, got)
		case authority != "" && after != authority && after[strings.LastIndexByte(after, '@')+1:] != "letta.localhost":
			t.Fatalf("%q became %q, which leads elsewhere", location, got)
		case authority != "" && loopback && u.Port() == "3000" && after == authority && ip.Unmap() == netip.MustParseAddr("127.0.0.1"):
			t.Fatalf("%q leads to the server by itself", got)
		case scheme == "" && strings.HasPrefix(location, "/") && !strings.HasPrefix(got, "/"), scheme == "" && after != "":
			t.Fatalf("the path %q became %q", location, got)
		}
	})
}

// The route of a path is the longest prefix of it, and what is left is all of the rest.
func FuzzWays(f *testing.F) {
	routes := []policy.Route{{Path: "/a/"}, {Path: "/a/b/"}, {Path: "/a/b/c/"}, {Path: "/ab/"}}
	table := newTable(&Config{Policy: policy.Rules{Routes: routes}})
	p := &Proxy{}
	ways, err := p.newPathRoutes(table.Routes)
	if err != nil {
		f.Fatal(err)
	}
	for _, s := range []string{"/a", "/a/", "/a/b", "/a/b/c/d", "/ab/x", "/abc/", "//a/", "/A/", "/%61/"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, path string) {
		longest := ""
		for _, r := range routes {
			if (strings.HasPrefix(path, r.Path) || path+"/" == r.Path) && len(r.Path) > len(longest) {
				longest = r.Path
			}
		}
		w, bare := ways.match(path)
		switch {
		case w == nil && longest != "", w != nil && w.prefix != longest, bare != (path+"/" == longest):
			t.Fatalf("%q: %+v, bare %v, want %q", path, w, bare, longest)
		case w != nil && !bare && w.prefix+strings.TrimPrefix(w.target(path), w.base) != path:
			t.Fatalf("%q became %q", path, w.target(path))
		}
	})
}
