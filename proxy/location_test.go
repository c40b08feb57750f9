package proxy

import (
	"strings"
	"testing"

	"github.com/letta-dev/letta-dev/proxy/policy"
)

// A redirect to somebody else stays as it is, and one to ourselves stays one to ourselves.
func FuzzRelocated(f *testing.F) {
	for _, s := range []string{"/docs", "//evil.example/x", `/\evil.example`, "http://letta.localhost/x", "http://letta.localhost@evil/", "HTTP://127.0.0.1:3000/base/x", "?a", "", "https://letta.localhost"} {
		f.Add(s, true)
		f.Add(s, false)
	}
	f.Fuzz(func(t *testing.T, location string, secure bool) {
		scheme, authority, path := splitLocation(location)
		if scheme+authority+path != location || strings.ContainsAny(authority, `/?#\`) || authority != "" && scheme == "" {
			t.Fatalf("%q was cut into %q, %q and %q", location, scheme, authority, path)
		}
		w := &way{prefix: "/app/", base: "/base/", authority: "127.0.0.1:3000"}
		x := &exchange{request: &request{secure: secure}, way: w}
		x.request.Host = "letta.localhost"
		got := x.relocated(location)
		_, after, _ := splitLocation(got)
		ours := lower(authority) == "letta.localhost" || lower(authority) == "127.0.0.1:3000"
		switch {
		case authority != "" && !ours && got != location:
			t.Fatalf("%q, which leads to %q, became %q", location, authority, got)
		case ours && lower(after) != "letta.localhost":
			t.Fatalf("%q became %q, which leads elsewhere", location, got)
		case scheme == "" && strings.HasPrefix(location, "/") && !strings.HasPrefix(got, "/"), scheme == "" && after != "":
			t.Fatalf("the path %q became %q", location, got)
		}
	})
}

// The way of a path is the longest prefix of it, and what is left is all of the rest.
func FuzzWays(f *testing.F) {
	routes := []policy.Route{{Path: "/a/"}, {Path: "/a/b/"}, {Path: "/a/b/c/"}, {Path: "/ab/"}}
	table := newTable(&Config{Policy: policy.Rules{Routes: routes}})
	p := &Proxy{}
	ways, err := p.newWays(table.Routes)
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
		w, bare := ways.of(path)
		switch {
		case w == nil && longest != "", w != nil && w.prefix != longest, bare != (path+"/" == longest):
			t.Fatalf("%q: %+v, bare %v, want %q", path, w, bare, longest)
		case w != nil && !bare && w.prefix+strings.TrimPrefix(w.target(path), w.base) != path:
			t.Fatalf("%q became %q", path, w.target(path))
		}
	})
}
