package proxy

import (
	"cmp"
	"slices"
	"strings"
	"testing"
)

// TestMalformedStreams: what RFC 9113, section 8, calls malformed ends in 400 or a stream error, and never reaches the upstream. Nor
// does what HTTP/1.1 has no words for.
func TestMalformedStreams(t *testing.T) {
	up := startRecorder(t)
	g := startAt(t, up.addr, nil)
	without := func(name string) []string {
		return slices.DeleteFunc(pseudo("GET", "/"), func(line string) bool { return strings.HasPrefix(line, name+": ") })
	}
	for _, row := range []struct {
		line   string
		fields []string
		data   string // "-" for none: the head ends the stream
		want   string // "refused": 400, or a stream error
	}{
		{"upper-case names", pseudo("GET", "/", "X-Upper: 1"), "-", "refused"},
		{"a name with a space", pseudo("GET", "/", "x y: 1"), "-", "refused"},
		{"a name with a colon", pseudo("GET", "/", "x:y: 1"), "-", "refused"},
		{"NUL in a value", pseudo("GET", "/", "x: a\x00b"), "-", "refused"},
		{"CR in a value", pseudo("GET", "/", "x: a\rb"), "-", "refused"},
		{"LF in a value", pseudo("GET", "/", "x: a\nb: c"), "-", "refused"},
		{"a request in a value", pseudo("GET", "/", "x: a\r\n\r\nGET /smuggled HTTP/1.1\r\nhost: letta.localhost\r\n\r\n"), "-", "refused"},
		{"a value behind a space", pseudo("GET", "/", "x:  a"), "-", "refused"},
		{"a value before a tab", pseudo("GET", "/", "x: a\t"), "-", "refused"},
		{"pseudo after regular", append([]string{"x: y"}, pseudo("GET", "/")...), "-", "refused"},
		{"missing :method", without(":method"), "-", "refused"},
		{"missing :scheme", without(":scheme"), "-", "refused"},
		{"missing :path", without(":path"), "-", "refused"},
		{"missing :authority and no Host", without(":authority"), "-", "refused"},
		{"empty :path", pseudo("GET", ""), "-", "refused"},
		{"duplicate :method", append([]string{":method: GET"}, pseudo("GET", "/")...), "-", "refused"},
		{"duplicate :path", append([]string{":path: /"}, pseudo("GET", "/")...), "-", "refused"},
		{"duplicate :scheme", append([]string{":scheme: https"}, pseudo("GET", "/")...), "-", "refused"},
		{"duplicate :authority", append([]string{":authority: evil.example"}, pseudo("GET", "/")...), "-", "refused"},
		{"pseudo of an answer", append([]string{":status: 200"}, pseudo("GET", "/")...), "-", "refused"},
		{"unknown pseudo", append([]string{":foo: bar"}, pseudo("GET", "/")...), "-", "refused"},
		{":authority with a user", append(without(":authority"), ":authority: a@letta.localhost"), "-", "refused"},
		{":authority with a path", append(without(":authority"), ":authority: letta.localhost/x"), "-", "refused"},
		{":authority with a port beyond 65535", append(without(":authority"), ":authority: letta.localhost:99999"), "-", "refused"},
		{"empty :authority", append(without(":authority"), ":authority: "), "-", "refused"},
		{"foreign :authority", append(without(":authority"), ":authority: evil.example"), "-", "404"},
		{"foreign Host alone", append(without(":authority"), "host: evil.example"), "-", "404"},
		{":authority is not Host", pseudo("GET", "/", "host: evil.example"), "-", "refused"},
		{":authority is not the second Host", pseudo("GET", "/", "host: letta.localhost", "host: evil.example"), "-", "refused"},
		{"two Hosts", append(without(":authority"), "host: letta.localhost", "host: evil.example"), "-", "refused"},
		{":scheme ftp", append(without(":scheme"), ":scheme: ftp"), "-", "refused"},
		{"absolute URI as :path", pseudo("GET", "http://evil.example/"), "-", "refused"},
		{"relative :path", pseudo("GET", "a"), "-", "refused"},
		{"* of GET", pseudo("GET", "*"), "-", "refused"},
		{"space in :path", pseudo("GET", "/ HTTP/1.1"), "-", "refused"},
		{"CR LF in :path", pseudo("GET", "/ HTTP/1.1\r\nHost: evil.example\r\n\r\n"), "-", "refused"},
		{"fragment in :path", pseudo("GET", "/a#b"), "-", "refused"},
		{"/\\xff as :path", pseudo("GET", "/\xff"), "-", "refused"},
		{"space in :method", pseudo("GET /smuggled HTTP/1.1", "/"), "-", "refused"},
		{"CR LF in :method", pseudo("GET / HTTP/1.1\r\nHost: letta.localhost\r\n\r\nGET", "/"), "-", "refused"},
		{"empty :method", pseudo("", "/"), "-", "refused"},
		{"PRI as :method", pseudo("PRI", "/"), "-", "refused"},
		{"Max-Forwards: +0", pseudo("OPTIONS", "/", "max-forwards: +0"), "-", "400"},
		{"two Max-Forwards", pseudo("OPTIONS", "/", "max-forwards: 1", "max-forwards: 1"), "-", "400"},
		{"Max-Forwards: 00", pseudo("OPTIONS", "/", "max-forwards: 00"), "-", "204"},
		{"CONNECT", []string{":method: CONNECT", ":authority: letta.localhost:443"}, "-", "405"},
		{"CONNECT to another", []string{":method: CONNECT", ":authority: evil.example:443"}, "-", "405"},
		{"CONNECT with a malformed field", []string{":method: CONNECT", ":authority: evil.example:443", "x: a\t"}, "-", "refused"},
		{"blank behind a cookie", pseudo("GET", "/", "cookie: a=1 "), "-", "refused"},
		{"extended CONNECT", pseudo("CONNECT", "/", ":protocol: websocket"), "-", "refused"},
		{"TRACE", pseudo("TRACE", "/", "cookie: a"), "-", "405"},
		{"connection", pseudo("GET", "/", "connection: close"), "-", "refused"},
		{"keep-alive", pseudo("GET", "/", "keep-alive: 5"), "-", "refused"},
		{"proxy-connection", pseudo("GET", "/", "proxy-connection: close"), "-", "refused"},
		{"transfer-encoding", pseudo("POST", "/", "transfer-encoding: chunked"), "0\r\n\r\n" + smuggled, "refused"},
		{"upgrade", pseudo("GET", "/", "upgrade: websocket"), "-", "refused"},
		{"TE gzip", pseudo("GET", "/", "te: gzip"), "-", "refused"},
		{"TE trailers, gzip", pseudo("GET", "/", "te: trailers, gzip"), "-", "refused"},
		{"Content-Length beyond DATA", pseudo("POST", "/", "content-length: 5"), "ab", "refused"},
		{"Content-Length below DATA", pseudo("POST", "/", "content-length: 1"), "ab", "refused"},
		{"Content-Length without DATA", pseudo("POST", "/", "content-length: 5"), "-", "refused"},
		{"Content-Length 0 with DATA", pseudo("POST", "/", "content-length: 0"), "ab", "refused"},
		{"CL 2 twice identical", pseudo("POST", "/", "content-length: 2", "content-length: 2"), "ab", "refused"},
		{"CL 2+3", pseudo("POST", "/", "content-length: 2", "content-length: 3"), "ab", "refused"},
		{"CL +2", pseudo("POST", "/", "content-length: +2"), "ab", "refused"},
		{"CL 0x2", pseudo("POST", "/", "content-length: 0x2"), "ab", "refused"},
		{"CL empty", pseudo("POST", "/", "content-length: "), "-", "refused"},
		{"Expect: 200-maybe", pseudo("POST", "/", "expect: 200-maybe"), "ab", "417"},
		{"300 lines", pseudo("GET", "/", slices.Repeat([]string{"a: 1"}, 300)...), "-", "431"},
		{"foreign Origin", pseudo("POST", "/", "origin: null"), "ab", "403"},
	} {
		t.Run(row.line, func(t *testing.T) {
			f := g.frames(t)
			f.head(1, row.data == "-", row.fields...)
			if row.data != "-" {
				f.WriteData(1, true, []byte(row.data))
			}
			got := f.outcome(1)
			if refused := got == "400" || got == "reset" || got == "closed"; got != row.want && (row.want != "refused" || !refused) {
				t.Errorf("%s, want %s", got, row.want)
			}
		})
	}
	if whole := requestsIn(up.heard()...); len(whole) > 0 {
		t.Errorf("the upstream took for whole: %q", whole)
	}
	for _, heard := range up.heard() {
		if heard != "" && !strings.Contains(heard, "Content-Length: 5") && !strings.Contains(heard, "Content-Length: 1\r\n") { // their bodies turned out to be others
			t.Errorf("the upstream got %q", heard)
		}
	}
}

// TestStreamsAsHTTP11: what an upstream gets of a stream, to the byte.
func TestStreamsAsHTTP11(t *testing.T) {
	const head = " / HTTP/1.1\r\n"
	for _, row := range []struct {
		line   string
		fields []string
		data   string
		want   string
		known  string // what happens instead: a fault that is not ours to cure
	}{
		{"a request", pseudo("GET", "/"), "-", "GET" + head + hostLine + "\r\n", ""},
		{"path and query unmodified", pseudo("GET", "/a%2f..%2fb/../c?a=1;b=%zz"), "-", "GET /a%2f..%2fb/../c?a=1;b=%zz HTTP/1.1\r\n" + hostLine + "\r\n", ""},
		{"cookie crumbs joined with \"; \"", pseudo("GET", "/", "cookie: a=1", "x: y", "cookie: b=2"), "-", "GET" + head + "Cookie: a=1; b=2\r\n" + hostLine + "X: y\r\n\r\n", ""},
		{"an empty crumb behind others", pseudo("GET", "/", "cookie: a=1", "cookie: b=2;", "cookie: ", "cookie: "), "-", "GET" + head + "Cookie: a=1; b=2;\r\n" + hostLine + "\r\n", ""},
		{"TE only trailers", pseudo("GET", "/", "te: trailers"), "-", "GET" + head + "Connection: TE\r\n" + hostLine + "TE: trailers\r\n\r\n", ""},
		{"the same Host", pseudo("GET", "/", "host: LETTA.localhost"), "-", "GET" + head + hostLine + "\r\n", ""},
		// net/http does not tell which scheme was named: what counts, and what the upstream hears of, is the connection.
		{":scheme http inside TLS", []string{":method: GET", ":scheme: http", ":authority: letta.localhost", ":path: /"}, "-", "GET" + head + hostLine + "\r\n", ""},
		{"Host instead of :authority", []string{":method: GET", ":scheme: https", ":path: /", "host: letta.localhost"}, "-", "GET" + head + hostLine + "\r\n", ""},
		{"order of same-name lines, and an underscore", pseudo("GET", "/", "x: 2", "user_id: u", "x: 1"), "-", "GET" + head + hostLine + "User_id: u\r\nX: 2\r\nX: 1\r\n\r\n", ""},
		{"spoof", pseudo("GET", "/", "x-forwarded-for: 6.6.6.6", "forwarded: for=6.6.6.6", "x_forwarded_for: 6.6.6.6", "content_length: 5"), "-", "GET" + head + hostLine + "\r\n", ""},
		{"body with a length", pseudo("POST", "/", "content-length: 2"), "ab", "POST" + head + "Content-Length: 2\r\n" + hostLine + "\r\nab", ""},
		{"body of no length", pseudo("POST", "/"), "ab", "POST" + head + hostLine + "Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n", ""},
		{"empty body with a length", pseudo("POST", "/", "content-length: 0"), "", "POST" + head + "Content-Length: 0\r\n" + hostLine + "\r\n", ""},
		{"Expect", pseudo("POST", "/", "expect: 100-continue", "content-length: 2"), "ab", "POST" + head + "Content-Length: 2\r\nExpect: 100-continue\r\n" + hostLine + "\r\nab", ""},
		// net/http's server of HTTP/2 parses the path as a URL before it asks us, and resets the stream.
		{"a bare % in the path", pseudo("GET", "/100%"), "-", "GET /100% HTTP/1.1\r\n" + hostLine + "\r\n", "reset"},
		{"a % before what is not hexadecimal", pseudo("GET", "/%zz"), "-", "GET /%zz HTTP/1.1\r\n" + hostLine + "\r\n", "reset"},
	} {
		t.Run(row.line, func(t *testing.T) {
			up := startRecorder(t)
			f := startAt(t, up.addr, nil).frames(t)
			f.head(1, row.data == "-", row.fields...)
			if row.data != "-" {
				f.WriteData(1, true, []byte(row.data))
			}
			got := f.outcome(1)
			for got == "100" {
				got = f.outcome(1)
			}
			if got != cmp.Or(row.known, "200") {
				t.Fatalf("answered %s", got)
			}
			if row.known != "" {
				return
			}
			if got := theirs(up.heard()[0]); got != row.want {
				t.Errorf("the upstream got\n%q, want\n%q", got, row.want)
			}
		})
	}
}

// TestTrailersOfStreams: fields behind a body that decide something are not carried behind the check.
func TestTrailersOfStreams(t *testing.T) {
	up := startRecorder(t)
	g := startAt(t, up.addr, nil)
	f := g.frames(t)
	f.head(1, false, pseudo("POST", "/", "trailer: x-t, cookie, x-forwarded-for")...)
	f.WriteData(1, false, []byte("ab"))
	f.head(1, true, "x-t: 1", "cookie: a=1", "x-forwarded-for: 6.6.6.6", "x-unannounced: 1")
	if got := f.outcome(1); got != "200" {
		t.Fatalf("answered %s", got)
	}
	if got := up.heard()[0]; !strings.HasSuffix(got, "\r\n\r\n2\r\nab\r\n0\r\nX-T: 1\r\n\r\n") {
		t.Errorf("the upstream got %q", got)
	}
	f = g.frames(t)
	f.head(1, false, pseudo("POST", "/")...)
	f.head(1, true, ":path: /smuggled")
	if got := f.outcome(1); got != "reset" && got != "closed" && got != "400" {
		t.Errorf("a pseudo-header field in the trailer: %s", got)
	}
	if whole := requestsIn(up.heard()...); len(whole) != 1 {
		t.Errorf("the upstream took for whole: %q", whole)
	}
}

// TestHeadsTooLargeForAStream are refused while they come: a client cannot make the proxy keep what it will not read.
func TestHeadsTooLargeForAStream(t *testing.T) {
	up := startRecorder(t)
	g := startAt(t, up.addr, nil)
	f := g.frames(t)
	f.head(1, true, pseudo("GET", "/", "x: "+strings.Repeat("~", 1200<<10))...)
	if got := f.outcome(1); got != "431" && got != "reset" && got != "closed" {
		t.Errorf("a head of 1.2 MB: %s", got)
	}
	if heard := up.heard(); len(heard) > 0 {
		t.Errorf("the upstream got %q", heard)
	}
}
