package proxy

import (
	"bufio"
	"io"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"
)

// TestForwardedBytes: what reaches the upstream of an accepted request, to the byte, aside from the lines that the proxy adds.
func TestForwardedBytes(t *testing.T) {
	const getHead = "GET / HTTP/1.1\r\n" + hostLine
	const postHead = "POST / HTTP/1.1\r\n"
	for _, row := range []struct{ line, bytes, want string }{
		{"a request", get(""), getHead + "\r\n"},
		{"leading CRLF before the request line", "\r\n" + get(""), getHead + "\r\n"},
		{"/a/../../b", target("/a/../../b"), "GET /a/../../b HTTP/1.1\r\n" + hostLine + "\r\n"},
		{"/a%2f..%2fb", target("/a%2f..%2fb"), "GET /a%2f..%2fb HTTP/1.1\r\n" + hostLine + "\r\n"},
		{"/?a=1;b=2", target("/?a=1;b=2"), "GET /?a=1;b=2 HTTP/1.1\r\n" + hostLine + "\r\n"},
		{"path of a host", target("//evil.example/x"), "GET //evil.example/x HTTP/1.1\r\n" + hostLine + "\r\n"},
		{"Transfer-Encoding: CHUNKED", post("Transfer-Encoding: CHUNKED\r\n", "2\r\nab\r\n0\r\n\r\n"),
			postHead + hostLine + "Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n"},
		{"Transfer-Encoding between blanks", post("transfer-encoding:\t chunked \t\r\n", "2\r\nab\r\n0\r\n\r\n"),
			postHead + hostLine + "Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n"},
		{"chunk ext 2;x=y", post("Transfer-Encoding: chunked\r\n", "2;x=y;z=\"\\\"\r\nab\r\n0;last\r\n\r\n"),
			postHead + hostLine + "Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n"},
		{"chunk size with leading zeros", post("Transfer-Encoding: chunked\r\n", "0002\r\nab\r\n000\r\n\r\n"),
			postHead + hostLine + "Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n"},
		{"trailer X-T announced", post("Transfer-Encoding: chunked\r\nTrailer: X-T\r\n", "1\r\na\r\n0\r\nX-T: 1\r\n\r\n"),
			postHead + hostLine + "Trailer: X-T\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\nX-T: 1\r\n\r\n"},
		{"trailers that decide something", post("Transfer-Encoding: chunked\r\n", "1\r\na\r\n0\r\nAuthorization: x\r\nX_Forwarded-For: 6.6.6.6\r\nConnection: close\r\nCookie: a\r\nX-T: 1\r\n\r\n"),
			postHead + hostLine + "Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\nX-T: 1\r\n\r\n"},
		{"Content-Length 002", post("Content-Length: 002\r\n", "ab"), postHead + "Content-Length: 2\r\n" + hostLine + "\r\nab"},
		{"Content-Length 0", post("Content-Length: 0\r\n", ""), postHead + "Content-Length: 0\r\n" + hostLine + "\r\n"},
		{"GET with a body", get("Content-Length: 2\r\n") + "ab", "GET / HTTP/1.1\r\nContent-Length: 2\r\n" + hostLine + "\r\nab"},
		{"Upgrade: h2c + HTTP2-Settings", get("Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAARAAAAA\r\n"), getHead + "\r\n"},
		{"Upgrade without Connection: upgrade", get("Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"), getHead + "Sec-WebSocket-Version: 13\r\n\r\n"},
		{"Upgrade ignored in HTTP/1.0", "GET / HTTP/1.0\r\n" + hostLine + "Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n", getHead + "\r\n"},
		{"Connection: Host, X-Forwarded-For, Cookie", get("Connection: Host, X-Forwarded-For, Cookie, X-A\r\nCookie: a=b\r\nX-A: 1\r\nX-B: 2\r\n"), getHead + "X-B: 2\r\n\r\n"},
		{"Connection names the framing", post("Connection: Content-Length\r\nContent-Length: 2\r\n", "ab"), postHead + "Content-Length: 2\r\n" + hostLine + "\r\nab"},
		{"Connection names the coding", post("Connection: Transfer-Encoding\r\nTransfer-Encoding: chunked\r\n", "2\r\nab\r\n0\r\n\r\n"), postHead + hostLine + "Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n"},
		{"Connection names a field in other case, on two lines", get("Connection: x-a\r\nconnection: close, x-c\r\nX-A: 1\r\nX-B: 2\r\nX-C: 3\r\n"), getHead + "X-B: 2\r\n\r\n"},
		{"Keep-Alive, Proxy-Connection, Proxy-Authorization, TE deflate", get("Keep-Alive: 5\r\nProxy-Connection: x\r\nProxy-Authorization: x\r\nTE: deflate\r\n"), getHead + "\r\n"},
		{"TE: trailers may stay", get("TE: trailers, deflate\r\nConnection: TE\r\n"), "GET / HTTP/1.1\r\nConnection: TE\r\n" + hostLine + "TE: trailers\r\n\r\n"},
		{"X-Forwarded-For/-Host/-Proto, Forwarded spoof", get("Forwarded: for=6.6.6.6\r\nx-forwarded-for: 6.6.6.6\r\nX-Forwarded-Host: evil\r\nX-FORWARDED-PROTO: gopher\r\n"), getHead + "\r\n"},
		{"X-Real-IP, X-Forwarded-Prefix/-Port/-Ssl, X_Forwarded_For, X-Original-URL, Proxy",
			get("X-Real-IP: 6.6.6.6\r\nx-forwarded-prefix: /a\r\nx-forwarded-port: 1\r\nx-forwarded-ssl: on\r\nX_Forwarded_For: 6.6.6.6\r\nX-Original-URL: /\r\nProxy: evil\r\n"), getHead + "\r\n"},
		{"Content_Length, Transfer_Encoding", get("Content_Length: 5\r\nTransfer_Encoding: chunked\r\n"), getHead + "\r\n"},
		{"unknown header fields; order of same-name lines", get("user_id: u\r\nX-A: 1\r\nx-a: 2\r\nX-A: 0\r\nX-L: \xff\xc3\xa9\t\"a, b\"\r\n"),
			getHead + "X-A: 1\r\nX-A: 0\r\nX-L: \xff\xc3\xa9\t\"a, b\"\r\nuser_id: u\r\nx-a: 2\r\n\r\n"},
		{"two Cookie lines", get("Cookie: a=1\r\nCookie: b=2\r\n"), "GET / HTTP/1.1\r\nCookie: a=1\r\nCookie: b=2\r\n" + hostLine + "\r\n"},
		{"value of blanks", get("X: \t \r\n"), getHead + "X: \r\n\r\n"},
		{"Max-Forwards: 5 OPTIONS", "OPTIONS /a HTTP/1.1\r\n" + hostLine + "Max-Forwards: 5\r\n\r\n", "OPTIONS /a HTTP/1.1\r\n" + hostLine + "Max-Forwards: 4\r\n\r\n"},
		{"Max-Forwards: 0010 OPTIONS", options("Max-Forwards: 0010\r\n"), options("Max-Forwards: 9\r\n")},
		{"Max-Forwards of forty digits OPTIONS", options("Max-Forwards: " + strings.Repeat("9", 40) + "\r\n"), options("Max-Forwards: 9223372036854775806\r\n")},
		{"Max-Forwards: 5 GET", get("Max-Forwards: 5\r\n"), getHead + "Max-Forwards: 5\r\n\r\n"},
		{"Max-Forwards: +0 GET", get("Max-Forwards: +0\r\n"), getHead + "Max-Forwards: +0\r\n\r\n"},
		{"Expect without a body", get("Expect: 100-continue\r\n"), getHead + "\r\n"},
		{"Expect from HTTP/1.0", "POST / HTTP/1.0\r\n" + hostLine + "Expect: 100-continue\r\nContent-Length: 2\r\n\r\nab", postHead + "Content-Length: 2\r\n" + hostLine + "\r\nab"},
		{"own HTTP-version", "GET / HTTP/1.0\r\n" + hostLine + "\r\n", getHead + "\r\n"},
		{"Host in capitals, with a dot and a port", hostIs("LETTA.localhost.:8283"), "GET / HTTP/1.1\r\nHost: LETTA.localhost.:8283\r\n\r\n"},
		{"Host with an empty port", hostIs("localhost:"), "GET / HTTP/1.1\r\nHost: localhost:\r\n\r\n"},
		{"Host is an IPv6 literal", hostIs("[::1]:8283"), "GET / HTTP/1.1\r\nHost: [::1]:8283\r\n\r\n"},
		{"Host is an IPv4 literal in IPv6", hostIs("[::ffff:127.0.0.1]"), "GET / HTTP/1.1\r\nHost: [::ffff:127.0.0.1]\r\n\r\n"},
		{"PATCH", "PATCH /a HTTP/1.1\r\n" + hostLine + "Content-Length: 1\r\n\r\n{", "PATCH /a HTTP/1.1\r\nContent-Length: 1\r\n" + hostLine + "\r\n{"},
		{"a method of another's", "M-SEARCH /a HTTP/1.1\r\n" + hostLine + "\r\n", "M-SEARCH /a HTTP/1.1\r\n" + hostLine + "\r\n"},
	} {
		t.Run(row.line, func(t *testing.T) {
			for i := range 2 {
				up := startRecorder(t)
				e := startAt(t, up.addr, nil).entrances()[i]
				res, err := http.ReadResponse(bufio.NewReader(e.say(t, row.bytes)), nil)
				if err != nil || res.StatusCode != 200 {
					t.Fatalf("%s: %v, %v", e.name, res, err)
				}
				if got := theirs(up.heard()[0]); got != row.want {
					t.Errorf("%s: the upstream got\n%q, want\n%q", e.name, got, row.want)
				}
			}
		})
	}
}

// TestAbsoluteFormReplacesHost (RFC 9112, section 3.2.2), and reaches the upstream in origin form.
func TestAbsoluteFormReplacesHost(t *testing.T) {
	for form, want := range map[string]string{
		"://letta.localhost/abs":             "GET /abs HTTP/1.1\r\nHost: letta.localhost\r\n\r\n",
		"://letta.localhost:99/abs%2Fx?y":    "GET /abs%2Fx?y HTTP/1.1\r\nHost: letta.localhost:99\r\n\r\n",
		"://letta.localhost":                 "GET / HTTP/1.1\r\nHost: letta.localhost\r\n\r\n",
		"://letta.localhost?a=/b":            "GET /?a=/b HTTP/1.1\r\nHost: letta.localhost\r\n\r\n",
		"://[::1]:1/":                        "GET / HTTP/1.1\r\nHost: [::1]:1\r\n\r\n",
		"://letta.localhost//evil.example/":  "GET //evil.example/ HTTP/1.1\r\nHost: letta.localhost\r\n\r\n",
		"://letta.localhost/http://evil.exa": "GET /http://evil.exa HTTP/1.1\r\nHost: letta.localhost\r\n\r\n",
	} {
		for i, scheme := range []string{"HTTP", "https"} {
			up := startRecorder(t)
			e := startAt(t, up.addr, nil).entrances()[i]
			replies := e.converse(t, "GET "+scheme+form+" HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n")
			if got := statuses(replies); !reflect.DeepEqual(got, []int{200}) || theirs(up.heard()[0]) != want {
				t.Errorf("%s%s: %d; the upstream got %q, want %q", scheme, form, got, up.heard(), want)
			}
		}
	}
}

// TestPipelinedAnswersInOrder, up to the first request that is none.
func TestPipelinedAnswersInOrder(t *testing.T) {
	g := start(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		io.WriteString(w, r.RequestURI+" "+string(body))
	}), nil)
	for _, e := range g.entrances() {
		c := e.say(t, target("/1")+
			"POST /2 HTTP/1.1\r\n"+hostLine+"Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n1\r\nb\r\n0\r\n\r\n"+
			"HEAD /3 HTTP/1.1\r\n"+hostLine+"\r\n"+
			"PUT /4 HTTP/1.1\r\nHost: evil.example\r\nContent-Length: 3\r\n\r\nabc"+
			target("/5")+"GET /6 HTTP/1.1\nHost: a\r\n\r\n"+target("/7"))
		replies, err := readReplies(c, "GET", "POST", "HEAD")
		if got := statuses(replies); err != nil || !reflect.DeepEqual(got, []int{200, 200, 200, 404, 200, 400}) {
			t.Fatalf("%s: answered %d, %v", e.name, got, err)
		}
		for i, want := range map[int]string{0: "/1 ", 1: "/2 ab", 2: "", 4: "/5 "} {
			if replies[i].body != want {
				t.Errorf("%s: answer %d is %q, want %q", e.name, i, replies[i].body, want)
			}
		}
	}
}

// TestEverySegmentationIsOneRequest: a request may come in pieces of any size; it is the same one.
func TestEverySegmentationIsOneRequest(t *testing.T) {
	const bytes = "\r\nPOST /a HTTP/1.1\r\n" + hostLine + "Transfer-Encoding: chunked\r\n\r\n2;x\r\nab\r\n1\r\nc\r\n0\r\nX: y\r\n\r\n" + smuggled
	up := startRecorder(t)
	g := startAt(t, up.addr, nil)
	for at := range len(bytes) {
		for _, e := range g.entrances() {
			c := e.say(t, bytes[:at])
			io.WriteString(c, bytes[at:])
			r := bufio.NewReader(c)
			for i := range 2 {
				res, err := http.ReadResponse(r, nil)
				if err != nil || res.StatusCode != 200 {
					t.Fatalf("%s, split at %d, answer %d: %v, %v", e.name, at, i, res, err)
				}
				io.Copy(io.Discard, res.Body)
			}
			c.Close()
		}
	}
	for i, request := range requestsIn(up.heard()...) {
		if request != "POST /a abc" && request != "GET /smuggled " {
			t.Fatalf("request %d is %q", i, request)
		}
	}
	if n := len(requestsIn(up.heard()...)); n != 4*len(bytes) {
		t.Errorf("%d requests arrived of %d", n, 4*len(bytes))
	}
}

// TestHTTP10: such a client knows no chunks, no 1xx and no connection that stays open unasked.
func TestHTTP10(t *testing.T) {
	g := start(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusEarlyHints)
		io.WriteString(w, "some")
		if r.URL.Path == "/stream" {
			w.(http.Flusher).Flush()
		}
	}), nil)
	for _, e := range g.entrances() {
		for bytes, want := range map[string]string{
			"GET /stream HTTP/1.0\r\n" + hostLine + "Connection: keep-alive\r\n\r\n": "close: some",
			"GET /sized HTTP/1.0\r\n" + hostLine + "\r\n":                            "close: some",
			"HEAD /stream HTTP/1.0\r\n" + hostLine + "\r\n":                          "close: ",
			"GET /sized HTTP/1.0\r\n" + hostLine + "Connection: keep-alive\r\n\r\n" +
				"GET /sized HTTP/1.0\r\n" + hostLine + "\r\n": "keep-alive: someclose: some",
		} {
			method, _, _ := strings.Cut(bytes, " ")
			all, err := readReplies(e.say(t, bytes), method)
			got := ""
			for _, r := range all {
				if r.Close {
					got += "close"
				}
				got += r.Header.Get("Connection") + ": " + r.body
				if len(r.TransferEncoding) > 0 || r.StatusCode != 200 {
					t.Errorf("%s: %q: %d in %q", e.name, bytes, r.StatusCode, r.TransferEncoding)
				}
			}
			if err != nil || got != want {
				t.Errorf("%s: %q is answered %q, %v; want %q", e.name, bytes, got, err, want)
			}
		}
	}
}

// TestSlowHeadsBehindAnAnswer are closed as the first one is, without a word.
func TestSlowHeadsBehindAnAnswer(t *testing.T) {
	g := start(t, echo(), nil, func(p *Proxy) { p.limits.head, p.limits.idle = 500*time.Millisecond, 500*time.Millisecond })
	for _, e := range g.entrances() {
		for name, rest := range map[string]string{"nothing": "", "blank": "\r\n", "line": "GET / HTTP/1.1\r\nHost: lo", "lines": "GET / HTTP/1.1\r\n" + hostLine} {
			t.Run(e.name+"/"+name, func(t *testing.T) {
				t.Parallel()
				replies, err := readReplies(e.say(t, get("")+rest), "GET")
				if got := statuses(replies); err != nil || !reflect.DeepEqual(got, []int{200}) {
					t.Errorf("answered %d, %v", got, err)
				}
			})
		}
	}
}
