package proxy

import (
	"net/http"
	"strings"
	"testing"
)

func TestStaticFilesAreKept(t *testing.T) {
	const kept = "private, max-age=3600"
	g := start(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if name, value, ok := strings.Cut(r.Header.Get("X-Answer"), ": "); ok {
			w.Header().Set(name, value)
		}
		switch {
		case strings.Contains(r.URL.Path, "missing"):
			w.WriteHeader(http.StatusNotFound)
		case r.Header.Get("If-None-Match") != "":
			w.WriteHeader(http.StatusNotModified)
		}
	}), func(c *Config) { c.Policy.MaxAge = 3600 })
	g.each(t, func(t *testing.T, w wire) {
		for _, test := range []struct{ method, target, field, want string }{
			{"GET", "/app.js", "", kept},
			{"HEAD", "/a/b.min.CSS?v=1.2", "", kept},
			{"GET", "/font.woff2", "X-Answer: Etag: \"1\"", kept},
			{"GET", "/app.js", "X-Answer: Cache-Control: no-cache", "no-cache"},
			{"GET", "/app.js", "X-Answer: Set-Cookie: a=b", ""},
			{"GET", "/app.js", "X-Answer: Expires: 0", ""},
			{"GET", "/app.js", "Authorization: Bearer x", ""},
			{"GET", "/app.js", "Cookie: session=1", kept},
			{"GET", "/app.js", "If-None-Match: \"1\"", kept},
			{"GET", "/app.js", "X-Answer: Content-Type: text/javascript; charset=utf-8", kept},
			{"GET", "/app.js", "X-Answer: Content-Type: Application/JSON; charset=utf-8", ""},
			{"GET", "/app.js", "X-Answer: Content-Type: application/problem+json", ""},
			{"GET", "/app.js", "X-Answer: Content-Type: text/html", ""}, // the front page, for a file that is not there
			{"GET", "/v1/me;.js", "", ""},
			{"GET", "/v1/me%3b.js", "", ""},
			{"GET", "/v1/me%00.js", "", ""},
			{"GET", "/v1/me%253fa.js", "", ""},
			{"GET", "/a%C3%A9.js", "", kept},
			{"POST", "/app.js", "", ""},
			{"GET", "/missing.js", "", ""},
			{"GET", "/index.html", "", ""},
			{"GET", "/v1/agents/?f=app.js", "", ""},
			{"GET", "/app.js/", "", ""},
			{"GET", "/js", "", ""},
			{"GET", "/.jsx", "", ""},
		} {
			var fields []string
			if test.field != "" {
				fields = []string{test.field}
			}
			res, _ := w.do(t, test.method, test.target, nil, fields...)
			if got := strings.Join(res.Header["Cache-Control"], "|"); got != test.want {
				t.Errorf("%s %s %q: %q, want %q", test.method, test.target, test.field, got, test.want)
			}
		}
	})
}

func TestNothingIsKeptUnasked(t *testing.T) {
	g := start(t, echo(), nil)
	if res, _ := g.wires(g.addr)[0].do(t, "GET", "/app.js", nil); res.Header.Get("Cache-Control") != "" {
		t.Errorf("%q", res.Header.Get("Cache-Control"))
	}
}
