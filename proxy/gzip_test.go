package proxy

import (
	"bufio"
	"compress/gzip"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"github.com/letta-dev/letta-dev/proxy/http1"
)

// asTold answers with the fields and the status of its query, and a body of n bytes.
func asTold(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	for name, values := range q {
		if name[0] >= 'A' && name[0] <= 'Z' {
			w.Header()[name] = values
		}
	}
	body := strings.Repeat("0123456789abcdef", 512)
	if q.Get("small") != "" {
		body = body[:1024]
	}
	if q.Get("sized") != "" || q.Get("small") != "" {
		w.Header().Set("Content-Length", map[bool]string{true: "1024", false: "8192"}[len(body) == 1024])
	}
	if status, err := strconv.Atoi(q.Get("status")); err == nil {
		w.WriteHeader(status)
	}
	io.WriteString(w, body)
}

func told(pairs ...string) string {
	q := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		q.Add(pairs[i], pairs[i+1])
	}
	return "/?" + q.Encode()
}

func TestGzip(t *testing.T) {
	const text = "text/plain; charset=utf-8"
	g := start(t, http.HandlerFunc(asTold), func(c *Config) { c.Policy.Gzip = true })
	g.each(t, func(t *testing.T, w wire) {
		for _, test := range []struct {
			name, method, target string
			packed, varies       bool
		}{
			{"chunked text", "GET", told("Content-Type", text), true, true},
			{"sized json", "POST", told("Content-Type", "application/json", "sized", "1"), true, true},
			{"problem+json", "GET", told("Content-Type", "application/problem+json"), true, true},
			{"svg", "GET", told("Content-Type", "image/svg+xml"), true, true},
			{"small", "GET", told("Content-Type", text, "small", "1"), false, false},
			{"picture", "GET", told("Content-Type", "image/png"), false, false},
			{"events", "GET", told("Content-Type", "text/event-stream"), false, false},
			{"encoded already", "GET", told("Content-Type", text, "Content-Encoding", "br"), false, false},
			{"not to be changed", "GET", told("Content-Type", text, "Cache-Control", "public, No-Transform"), false, false},
			{"a part", "GET", told("Content-Type", text, "status", "206", "Content-Range", "bytes 0-8191/9000"), false, false},
			{"with Content-MD5", "GET", told("Content-Type", text, "Content-Md5", "x"), false, false},
			{"with Digest", "GET", told("Content-Type", text, "Digest", "sha-256=x"), false, false},
			{"with Content-Digest", "GET", told("Content-Type", text, "Content-Digest", "sha-256=:x:"), false, false},
			{"with Repr-Digest", "GET", told("Content-Type", text, "Repr-Digest", "sha-256=:x:"), false, false},
		} {
			res, err := w.client.Do(w.request(t, test.method, test.target, nil, "Accept-Encoding: br, gzip"))
			if err != nil {
				t.Fatal(err)
			}
			var body io.Reader = res.Body
			if packed := res.Header.Get("Content-Encoding") == "gzip"; packed != test.packed {
				t.Errorf("%s: compressed %v", test.name, packed)
			} else if packed {
				if res.Header.Get("Content-Length") != "" {
					t.Errorf("%s: the length is of the plain body", test.name)
				}
				if body, err = gzip.NewReader(res.Body); err != nil {
					t.Fatal(err)
				}
			}
			b, err := io.ReadAll(body)
			res.Body.Close()
			want := map[bool]int{true: 1024, false: 8192}[test.name == "small"]
			if err != nil || len(b) != want {
				t.Errorf("%s: %d bytes, %v", test.name, len(b), err)
			}
			if varies := res.Header.Get("Vary") == "Accept-Encoding"; varies != test.varies {
				t.Errorf("%s: Vary %q", test.name, res.Header.Get("Vary"))
			}
		}
	})
}

func TestGzipTellsOfItself(t *testing.T) {
	g := start(t, http.HandlerFunc(asTold), func(c *Config) { c.Policy.Gzip = true })
	g.each(t, func(t *testing.T, w wire) {
		query := told("Content-Type", "text/css", "Etag", `"v1"`, "Accept-Ranges", "bytes", "Vary", "Cookie")
		res, _ := w.do(t, "GET", query, nil, "Accept-Encoding: gzip")
		for name, want := range map[string]string{
			"Etag": `W/"v1"`, "Accept-Ranges": "", "Vary": "Cookie, Accept-Encoding", "Content-Encoding": "gzip",
		} {
			if got := strings.Join(res.Header.Values(name), "|"); got != want {
				t.Errorf("%s %q, want %q", name, got, want)
			}
		}
		plain, _ := w.do(t, "GET", query, nil)
		if plain.Header.Get("Etag") != `"v1"` || plain.Header.Get("Vary") != "Cookie, Accept-Encoding" || plain.Header.Get("Content-Encoding") != "" {
			t.Errorf("to a client that takes none: %q", plain.Header)
		}
		weak, _ := w.do(t, "GET", told("Content-Type", "text/css", "Etag", `W/"v1"`), nil, "Accept-Encoding: gzip")
		if weak.Header.Get("Etag") != `W/"v1"` {
			t.Errorf("ETag %q", weak.Header.Get("Etag"))
		}
	})
}

// An answer without a body says what it would say with one: to HEAD (RFC 9110, section 9.3.2), and a 304 (section 15.4.5).
func TestGzipTellsOfItselfWithoutABody(t *testing.T) {
	const plain, packed, varies = `"v1"`, `W/"v1"`, "Accept-Encoding"
	g := start(t, http.HandlerFunc(asTold), func(c *Config) { c.Policy.Gzip = true })
	g.each(t, func(t *testing.T, w wire) {
		for _, row := range []struct {
			name, method string
			told         []string
			field        string
			want         [4]string // ETag, Vary, Content-Encoding, Content-Length
		}{
			{"text", "HEAD", []string{"Content-Type", "text/css", "sized", "1"}, "Accept-Encoding: gzip", [4]string{packed, varies, "gzip", ""}},
			{"to who takes none", "HEAD", []string{"Content-Type", "text/css", "sized", "1"}, "", [4]string{plain, varies, "", "8192"}},
			{"small", "HEAD", []string{"Content-Type", "text/css", "small", "1"}, "Accept-Encoding: gzip", [4]string{plain, "", "", "1024"}},
			{"picture", "HEAD", []string{"Content-Type", "image/png", "sized", "1"}, "Accept-Encoding: gzip", [4]string{plain, "", "", "8192"}},
			{"no content", "HEAD", []string{"Content-Type", "text/css", "status", "204"}, "Accept-Encoding: gzip", [4]string{plain, "", "", ""}},
			{"304", "GET", []string{"status", "304"}, "Accept-Encoding: gzip", [4]string{packed, varies, "", ""}},
			{"304 to HEAD", "HEAD", []string{"status", "304"}, "Accept-Encoding: gzip", [4]string{packed, varies, "", ""}},
			{"304 of what was compressed", "GET", []string{"status", "304"}, `If-None-Match: "v0", W/"v1"`, [4]string{packed, varies, "", ""}},
			{"304 of what was not", "GET", []string{"status", "304"}, `If-None-Match: "v0", "v1"`, [4]string{plain, varies, "", ""}},
			{"304 to who takes none", "GET", []string{"status", "304"}, "", [4]string{plain, varies, "", ""}},
		} {
			fields := []string{"Accept-Encoding: gzip"}
			if row.field == "" {
				fields = nil
			} else if row.field != fields[0] {
				fields = append(fields, row.field)
			}
			res, _ := w.do(t, row.method, told(append(row.told, "Etag", plain)...), nil, fields...)
			h := res.Header
			if got := [4]string{h.Get("Etag"), h.Get("Vary"), h.Get("Content-Encoding"), h.Get("Content-Length")}; got != row.want {
				t.Errorf("%s: %q, want %q", row.name, got, row.want)
			}
		}
	})
}

// A 304 that names a type is judged by that; Go's server never sends one.
func TestGzipOfA304WithAType(t *testing.T) {
	g := start(t, echo(), func(c *Config) { c.Policy.Gzip = true })
	for contentType, want := range map[string]string{"text/css": `W/"v1"`, "image/png": `"v1"`} {
		x := &exchange{proxy: g.proxy, request: &request{}}
		x.request.Fields = http1.Fields{{Name: "Accept-Encoding", Value: "gzip"}, {Name: "If-None-Match", Value: `"v1"`}}
		head := http1.Response{Status: 304, Promised: http1.Framing{Kind: http1.Sized, Length: 8192}, Fields: http1.Fields{{Name: "Content-Type", Value: contentType}, {Name: "ETag", Value: `"v1"`}}}
		x.pack(&head)
		plain := contentType == "image/png"
		if head.Fields.Get("ETag") != want || x.gzip != nil || (head.Fields.Get("Vary") == "") != plain || (head.Promised.Length > 0) != plain {
			t.Errorf("%s: %+v", contentType, head)
		}
	}
}

// The sum of the plain bytes does not come behind others.
func TestGzipAndDigestsInTheTrailer(t *testing.T) {
	g := start(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Trailer", "Digest, Content-Digest, X-T")
		asTold(w, r)
		for _, name := range []string{"Digest", "Content-Digest", "X-T"} {
			w.Header().Set(name, "1")
		}
	}), func(c *Config) { c.Policy.Gzip = true })
	g.each(t, func(t *testing.T, w wire) {
		for accept, want := range map[string]string{"gzip": "1", "identity": "111"} {
			res, _ := w.do(t, "GET", told("Content-Type", "text/css"), nil, "Accept-Encoding: "+accept)
			if got := res.Trailer.Get("Digest") + res.Trailer.Get("Content-Digest") + res.Trailer.Get("X-T"); got != want {
				t.Errorf("%s: trailer %q", accept, res.Trailer)
			}
		}
	})
}

func TestNothingIsCompressedUnasked(t *testing.T) {
	g := start(t, http.HandlerFunc(asTold), nil)
	g.each(t, func(t *testing.T, w wire) {
		res, _ := w.do(t, "GET", told("Content-Type", "text/css"), nil, "Accept-Encoding: gzip")
		if res.Header.Get("Content-Encoding") != "" || res.Header.Get("Vary") != "" {
			t.Errorf("%q", res.Header)
		}
	})
}

// What the upstream said before it paused reaches the client before it goes on.
func TestGzipDoesNotHoldBack(t *testing.T) {
	next := make(chan struct{})
	g := start(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/x-ndjson+json")
		for range 3 {
			io.WriteString(w, "{\"line\":1}\n")
			_ = http.NewResponseController(w).Flush()
			<-next
		}
	}), func(c *Config) { c.Policy.Gzip = true })
	g.each(t, func(t *testing.T, w wire) {
		res, err := w.client.Do(w.request(t, "GET", "/", nil, "Accept-Encoding: gzip"))
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		plain, err := gzip.NewReader(res.Body)
		if err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewReader(plain)
		for range 3 {
			if line, err := lines.ReadString('\n'); err != nil || line != "{\"line\":1}\n" {
				t.Fatalf("%q %v", line, err)
			}
			next <- struct{}{}
		}
		if rest, err := io.ReadAll(lines); err != nil || len(rest) > 0 {
			t.Errorf("%q %v", rest, err)
		}
	})
}

// An answer that breaks off does not end well for being compressed.
func TestGzipOfABrokenAnswer(t *testing.T) {
	g := start(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain")
		io.WriteString(w, strings.Repeat("x", 5000))
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}), func(c *Config) { c.Policy.Gzip = true })
	g.each(t, func(t *testing.T, w wire) {
		res, err := w.client.Do(w.request(t, "GET", "/", nil, "Accept-Encoding: gzip"))
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		if _, err := io.ReadAll(res.Body); err == nil {
			t.Error("the answer ended well")
		}
	})
}

// HTTP/1.0 knows no chunks: the connection ends behind the answer.
func TestGzipToHTTP10(t *testing.T) {
	g := start(t, http.HandlerFunc(asTold), func(c *Config) { c.Policy.Gzip = true })
	res := g.say(t, false, "GET "+told("Content-Type", "text/css", "sized", "1")+" HTTP/1.0\r\nHost: letta.localhost\r\nConnection: keep-alive\r\nAccept-Encoding: gzip\r\n\r\n")
	plain, err := gzip.NewReader(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	if b, err := io.ReadAll(plain); err != nil || len(b) != 8192 || !res.Close && res.ContentLength >= 0 {
		t.Errorf("%d bytes, %v, %+v", len(b), err, res)
	}
}

func TestTakesGzip(t *testing.T) {
	for accept, want := range map[string]bool{
		"": false, "gzip": true, "GZIP": true, "x-gzip": true, "br": false, "*": true, "br, gzip;q=0.5": true,
		"gzip;q=0": false, "gzip; q=0.000": false, "gzip;q=0, *": false, "*;q=0": false, "identity": false,
		"gzip;q=0.5, identity": false, "gzip, identity;q=0.5": true, "gzip;q=0.5, identity;q=0.5": true,
		"gzip;q=x": false, "gzip;q=2": false, "gzip;q=NaN": false, "gzip;q=-1": false, "gzip;level=1": false, "gzipped": false,
	} {
		if got := takesGzip(http1.Fields{{Name: "Accept-Encoding", Value: accept}}); got != want {
			t.Errorf("%q: %v", accept, got)
		}
	}
	if !takesGzip(http1.Fields{{Name: "Accept-Encoding", Value: "br"}, {Name: "accept-encoding", Value: "gzip"}}) {
		t.Error("the second line was not read")
	}
}

// A gzipWriter is large: a client that takes its time keeps it from others, so that beyond a number of them nobody gets one.
func TestGzipIsForSoManyAtOnce(t *testing.T) {
	g := start(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/plain")
		io.WriteString(w, "begun")
		_ = http.NewResponseController(w).Flush()
		switch r.URL.Path {
		case "/broken":
			panic(http.ErrAbortHandler)
		case "/":
			<-r.Context().Done()
		}
	}), func(c *Config) { c.Policy.Gzip = true })
	ask := func(w wire, path string) (res *http.Response, packed bool) {
		res, err := w.client.Do(w.request(t, "GET", path, nil, "Accept-Encoding: gzip"))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { res.Body.Close() })
		if res.Header.Get("Vary") != "Accept-Encoding" {
			t.Errorf("Vary %q", res.Header.Get("Vary"))
		}
		return res, res.Header.Get("Content-Encoding") == "gzip"
	}
	wires := g.wires(g.addr)
	var first *http.Response
	for i := range maxPackers {
		res, packed := ask(wires[i%3], "/")
		if !packed {
			t.Fatalf("answer %d is not compressed", i)
		}
		if i == 0 {
			first = res
		}
	}
	for _, w := range wires {
		if _, packed := ask(w, "/"); packed {
			t.Errorf("%s: one too many is compressed", w.name)
		}
		if res, packed := ask(w, "/broken"); packed || res.StatusCode != 200 {
			t.Errorf("%s: %d, compressed %v", w.name, res.StatusCode, packed)
		}
		g.access(t) // of the broken one: no other has ended
	}
	first.Body.Close() // its client has left, and there is one for all that follow
	g.access(t)
	for _, w := range wires {
		for _, path := range []string{"/broken", "/whole", "/whole"} {
			res, packed := ask(w, path)
			if _, err := io.ReadAll(res.Body); !packed || (err == nil) != (path == "/whole") {
				t.Errorf("%s%s: compressed %v, %v", w.name, path, packed, err)
			}
			g.access(t)
		}
	}
}
