package proxy

import (
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/letta-dev/letta-dev/proxy/http1"
	"github.com/letta-dev/letta-dev/proxy/policy"
)

// What the policy sets or removes in the head comes in no trailer either, however it is spelled.
func TestTrailersKeepToThePolicy(t *testing.T) {
	answer := http.Header{"X-Sum": {"7"}, "X-Frame-Options": {"ALLOWALL"}, "x_new": {"theirs"}, "Server": {"theirs"}, "X-Demo": {"no"}, "Set-Cookie": {"a=b"}}
	got := make(chan http.Header, 1)
	upstream := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		got <- r.Trailer
		w.(http.Flusher).Flush()
		for name, values := range answer {
			w.Header()[http.TrailerPrefix+name] = values
		}
	}))
	upstream.Start()
	t.Cleanup(upstream.Close)
	g := startAt(t, upstream.Listener.Addr().String(), func(c *Config) {
		c.Header = http.Header{"X-Demo": {"yes"}}
		c.Policy.Request = []policy.Header{{Name: "X-Team", Value: "blue"}, {Name: "x-gone"}}
		c.Policy.Response = []policy.Header{{Name: "x-frame-options", Value: "DENY"}, {Name: "Server"}, {Name: "X-New", Value: "ours"}}
	})
	g.each(t, func(t *testing.T, w wire) {
		r := w.request(t, "POST", "/", io.MultiReader(strings.NewReader("body")))
		r.Trailer = http.Header{"X-Sum": {"7"}, "X-Team": {"red"}, "x_team": {"green"}, "X-Gone": {"back"}, "user_id": {"user-1"}}
		res, err := w.client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		if _, err := io.ReadAll(res.Body); err != nil {
			t.Fatal(err)
		}
		maps.DeleteFunc(res.Trailer, func(_ string, values []string) bool { return len(values) == 0 })
		if names := slices.Sorted(maps.Keys(res.Trailer)); !slices.Equal(names, []string{"X-Sum"}) {
			t.Errorf("the client got the trailers %q", names)
		}
		trailer := <-got
		maps.DeleteFunc(trailer, func(_ string, values []string) bool { return len(values) == 0 }) // announced, and no more
		if names := slices.Sorted(maps.Keys(trailer)); !slices.Equal(names, []string{"X-Sum"}) {
			t.Errorf("the upstream got the trailers %q", names)
		}
	})
}

func TestWhatATrailerMayBe(t *testing.T) {
	for _, name := range []string{"X-Sum", "ETag", "Server-Timing", "Content-Digest", "Digest", "Signature", "grpc-status", "x-amz-trailer-signature"} {
		if len(trailing(http1.Fields{{Name: name, Value: "1"}}, nil)) != 1 {
			t.Errorf("%s is dropped", name)
		}
	}
	for _, name := range []string{
		"Authorization", "COOKIE", "Set_Cookie", "user_id", "X-BARE-PASSWORD", "X-Forwarded-For", "x_real_ip", "X-HTTP-Method-Override", "If-Match", "Range",
		"Sec-WebSocket-Key", "Access-Control-Allow-Origin", "Content-Type", "content.type", "Content_Length", "Cache-Control", "Location", "Connection", "TE", "Via", "Max-Forwards",
	} {
		if len(trailing(http1.Fields{{Name: name, Value: "1"}}, nil)) != 0 {
			t.Errorf("%s passes", name)
		}
	}
}

// What Trailer announces is not taken from the head (RFC 9110, section 6.5.1), and the client sees what was announced.
func TestFieldsOfTheHeadAreNoTrailers(t *testing.T) {
	const head = "Trailer: X-Foo, X-Bar\r\nX-Foo: head\r\n"
	for _, row := range []struct{ line, method, answer, want string }{
		{"sized", "GET", "HTTP/1.1 200 OK\r\n" + head + "Content-Length: 2\r\n\r\nok", ""},
		{"chunked", "GET", "HTTP/1.1 200 OK\r\n" + head + "Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX-Bar: end\r\n\r\n", "end"},
		{"HEAD", "HEAD", "HTTP/1.1 200 OK\r\n" + head + "Content-Length: 2\r\n\r\n", ""},
		{"204", "GET", "HTTP/1.1 204 No Content\r\n" + head + "\r\n", ""},
		{"304", "GET", "HTTP/1.1 304 Not Modified\r\n" + head + "\r\n", ""},
	} {
		for i := range 3 {
			g := startAt(t, answersOnce(t, row.answer).addr, nil)
			w := g.wires(g.addr)[i]
			res, _ := w.do(t, row.method, "/", nil)
			if res.Header.Get("X-Foo") != "head" || res.Trailer.Get("X-Foo") != "" || res.Trailer.Get("X-Bar") != row.want {
				t.Errorf("%s, %s: head %q, trailer %q", row.line, w.name, res.Header, res.Trailer)
			}
			if _, announced := res.Trailer["X-Foo"]; w.proto == "HTTP/2.0" && !announced { // of HTTP/1.1, Go's client tells where chunks come
				t.Errorf("%s, %s: not announced", row.line, w.name)
			}
		}
	}
}
