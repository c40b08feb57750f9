package proxy

import (
	"reflect"
	"strings"
	"testing"
)

const (
	hostLine = "Host: letta.localhost\r\n"
	// smuggled stands behind every refused request: whoever finds another end of that one answers it.
	smuggled = "GET /smuggled HTTP/1.1\r\n" + hostLine + "\r\n"
)

// A row is a request as bytes, and the status that answers it.
type row struct {
	line, bytes string
	want        int
}

func post(fields, body string) string {
	return "POST / HTTP/1.1\r\n" + hostLine + fields + "\r\n" + body
}
func get(fields string) string     { return "GET / HTTP/1.1\r\n" + hostLine + fields + "\r\n" }
func options(fields string) string { return "OPTIONS /a HTTP/1.1\r\n" + hostLine + fields + "\r\n" }
func target(t string) string       { return "GET " + t + " HTTP/1.1\r\n" + hostLine + "\r\n" }
func hostIs(h string) string       { return "GET / HTTP/1.1\r\nHost: " + h + "\r\n\r\n" }

// framingRows: where does this request end? (RFC 9112, sections 6 and 11.2)
func framingRows() []row {
	const ab = "2\r\nab\r\n0\r\n\r\n"
	return []row{
		{"Content-Length + Transfer-Encoding (CL.TE)", post("Content-Length: 6\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\nG"), 400},
		{"Transfer-Encoding + Content-Length (TE.CL)", post("Transfer-Encoding: chunked\r\nContent-Length: 4\r\n", "5c\r\n"), 400},
		{"Content-Length 0 + Transfer-Encoding", post("Content-Length: 0\r\nTransfer-Encoding: chunked\r\n", ab), 400},
		{"Content-Length + unknown Transfer-Encoding", post("Content-Length: 2\r\nTransfer-Encoding: x\r\n", "ab"), 400},
		{"chunked in HTTP/1.0", "POST / HTTP/1.0\r\n" + hostLine + "Transfer-Encoding: chunked\r\n\r\n" + ab, 400},
		{"xchunked", post("Transfer-Encoding: xchunked\r\n", ab), 501},
		{"chunkedx", post("Transfer-Encoding: chunkedx\r\n", ab), 501},
		{"twice chunked", post("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", ab), 501},
		{"chunked, chunked", post("Transfer-Encoding: chunked, chunked\r\n", ab), 501},
		{"chunked, then cow on a line of its own", post("Transfer-Encoding: chunked\r\nTransfer-encoding: cow\r\n", ab), 501},
		{"gzip, chunked", post("Transfer-Encoding: gzip, chunked\r\n", ab), 501},
		{"chunked, identity", post("Transfer-Encoding: chunked, identity\r\n", ab), 501},
		{"identity", post("Transfer-Encoding: identity\r\n", ""), 501},
		{"empty Transfer-Encoding", post("Transfer-Encoding: \r\n", ""), 501},
		{"empty member before chunked", post("Transfer-Encoding: , chunked\r\n", ab), 501},
		{"empty member behind chunked", post("Transfer-Encoding: chunked,\r\n", ab), 501},
		{"quoted chunked", post("Transfer-Encoding: \"chunked\"\r\n", ab), 501},
		{"chunked with a parameter", post("Transfer-Encoding: chunked;q=1\r\n", ab), 501},
		{"\\x0bchunked", post("Transfer-Encoding: \x0bchunked\r\n", ab), 400},
		{"chunked\\x0c", post("Transfer-Encoding: chunked\x0c\r\n", ab), 400},
		{"NUL before chunked", post("Transfer-Encoding: \x00chunked\r\n", ab), 400},
		{"next line (U+0085) before chunked", post("Transfer-Encoding: \x85chunked\r\n", ab), 501},
		{"no-break space behind chunked", post("Transfer-Encoding: chunked\xa0\r\n", ab), 501},
		{"Transfer-Encoding with space before colon", post("Transfer-Encoding : chunked\r\n", ab), 400},
		{"Transfer-Encoding with tab before colon", post("Transfer-Encoding\t: chunked\r\n", ab), 400},
		{"Transfer-Encoding behind a space", post(" Transfer-Encoding: chunked\r\n", ab), 400},
		{"Transfer-Encoding folded", post("Transfer-Encoding:\r\n chunked\r\n", ab), 400},
		{"Transfer-Encoding behind bare LF", post("X: y\nTransfer-Encoding: chunked\r\n", ab), 400},
		{"Transfer-Encoding behind bare CR", post("X: y\rTransfer-Encoding: chunked\r\n", ab), 400},
		{"Transfer-Encoding behind LF CR", post("X: y\n\rTransfer-Encoding: chunked\r\n", ab), 400},
		{"Transfer-Encoding with a letter beyond ASCII", post("Tr\u0430nsfer-Encoding: chunked\r\n", ab), 400},
		{"CL 2+3", post("Content-Length: 2\r\nContent-Length: 3\r\n", "ab"), 400},
		{"CL 2 twice identical", post("Content-Length: 2\r\nContent-Length: 2\r\n", "ab"), 400},
		{"CL 2, 2", post("Content-Length: 2, 2\r\n", "ab"), 400},
		{"CL +2", post("Content-Length: +2\r\n", "ab"), 400},
		{"CL -1", post("Content-Length: -1\r\n", ""), 400},
		{"CL 0x2", post("Content-Length: 0x2\r\n", "ab"), 400},
		{"CL empty", post("Content-Length:\r\n", ""), 400},
		{"CL 2^64+2", post("Content-Length: 18446744073709551618\r\n", "ab"), 400},
		{"CL 2^63", post("Content-Length: 9223372036854775808\r\n", "ab"), 400},
		{"CL 2 in nineteen digits", post("Content-Length: 0000000000000000002\r\n", "ab"), 400},
		{"CL 1e1", post("Content-Length: 1e1\r\n", "0123456789"), 400},
		{"CL 2.0", post("Content-Length: 2.0\r\n", "ab"), 400},
		{"CL 1_0", post("Content-Length: 1_0\r\n", "0123456789"), 400},
		{"CL 2 2", post("Content-Length: 2 2\r\n", "ab"), 400},
		{"CL fullwidth 2", post("Content-Length: \uff12\r\n", "ab"), 400},
		{"Content-Length with space before colon", post("Content-Length : 2\r\n", "ab"), 400},
	}
}

// headRows: what is no line of a head, or no request line.
func headRows() []row {
	return []row{
		{"obs-fold", get("X-A: 1\r\n folded\r\n"), 400},
		{"obs-fold with a tab", get("X-A: 1\r\n\tfolded\r\n"), 400},
		{"space before first header", "GET / HTTP/1.1\r\n X: 1\r\n" + hostLine + "\r\n", 400},
		{"X(a): 1", get("X(a): 1\r\n"), 400},
		{": 1", get(": 1\r\n"), 400},
		{"line without colon", get("X\r\n"), 400},
		{"NUL in value", get("X: a\x00b\r\n"), 400},
		{"bare CR in value", get("X: a\rb\r\n"), 400},
		{"ESC in value", get("X: a\x1b[2Jb\r\n"), 400},
		{"bare LF line ends", strings.ReplaceAll(get(""), "\r\n", "\n"), 400},
		{"bare LF behind the request line", "GET / HTTP/1.1\n" + hostLine + "\r\n", 400},
		{"bare LF inside a value (X: a\\nY: b)", get("X: a\nY: b\r\n"), 400},
		{"bare LF as the empty line", "GET / HTTP/1.1\r\n" + hostLine + "\n", 400},
		{"CR CR LF", get("X: a\r\r\n"), 400},
		{"space before colon", get("A : 1\r\n"), 400},
		{"space inside a name", get("A B: 1\r\n"), 400},
		{"URI 70 KB", target("/" + strings.Repeat("a", 70<<10)), 414},
		{"method of 70 KB", strings.Repeat("A", 70<<10) + " / HTTP/1.1\r\n", 414},
		{"head 1.1 MB", get("X: " + strings.Repeat("a", 1100<<10) + "\r\n"), 431},
		{"name of 70 KB", get(strings.Repeat("a", 70<<10) + ": 1\r\n"), 431},
		{"300 lines", get(strings.Repeat("A: 1\r\n", 300)), 431},
		{"HTTP/1.2", "GET / HTTP/1.2\r\n" + hostLine + "\r\n", 505},
		{"HTTP/2.0 text", "GET / HTTP/2.0\r\n" + hostLine + "\r\n", 505},
		{"HTTP/3.0 text", "GET / HTTP/3.0\r\n" + hostLine + "\r\n", 505},
		{"http/1.1", "GET / http/1.1\r\n" + hostLine + "\r\n", 400},
		{"HTTP/1.10", "GET / HTTP/1.10\r\n" + hostLine + "\r\n", 400},
		{"HTTP/01.1", "GET / HTTP/01.1\r\n" + hostLine + "\r\n", 400},
		{"HTTP/ 1.1", "GET / HTTP/ 1.1\r\n" + hostLine + "\r\n", 400},
		{"HTTP/0.9", "GET /\r\n", 400},
		{"PRI as a method", "PRI / HTTP/1.1\r\n" + hostLine + "\r\n", 400},
		{"PRI as a method, with a body", "PRI / HTTP/1.1\r\n" + hostLine + "Content-Length: 6\r\n\r\nSM\r\n\r\n", 400},
		{"PRI as a method of HTTP/1.0", "PRI / HTTP/1.0\r\n" + hostLine + "\r\n", 400},
		{"PRI * HTTP/2.0 on an h1 port", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505},
		{"tabs in the request line", "GET\t/\tHTTP/1.1\r\n" + hostLine + "\r\n", 400},
		{"two spaces in the request line", "GET  / HTTP/1.1\r\n" + hostLine + "\r\n", 400},
		{"space behind the version", "GET / HTTP/1.1 \r\n" + hostLine + "\r\n", 400},
		{"space in the target", "GET /a b HTTP/1.1\r\n" + hostLine + "\r\n", 400},
		{"another request in the target", "GET / HTTP/1.1\rX: GET / HTTP/1.1\r\n" + hostLine + "\r\n", 400},
		{"brackets in the method", "G(T / HTTP/1.1\r\n" + hostLine + "\r\n", 400},
		{"two blank lines first", "\r\n\r\n" + get(""), 400},
		{"an answer", "HTTP/1.1 200 OK\r\n\r\n", 400},
		{"Expect: 200-maybe", post("Expect: 200-maybe\r\nContent-Length: 2\r\n", "ab"), 417},
		{"Expect: 100-continue twice", post("Expect: 100-continue\r\nExpect: 100-continue\r\nContent-Length: 2\r\n", "ab"), 417},
	}
}

// targetRows: who is asked, and for what? (RFC 9112, section 3.2)
func targetRows() []row {
	return []row{
		{"two Host", "GET / HTTP/1.1\r\n" + hostLine + hostLine + "\r\n", 400},
		{"two Host, the other one foreign", "GET / HTTP/1.1\r\n" + hostLine + "host: evil.example\r\n\r\n", 400},
		{"no Host (1.1)", "GET / HTTP/1.1\r\n\r\n", 400},
		{"no Host, absolute-form", "GET http://letta.localhost/ HTTP/1.1\r\n\r\n", 400},
		{"Host a@h", hostIs("a@letta.localhost"), 400},
		{"Host h/x", hostIs("letta.localhost/x"), 400},
		{"Host h?x", hostIs("letta.localhost?x"), 400},
		{"Host h#x", hostIs("letta.localhost#x"), 400},
		{"Host h\\x", hostIs("letta.localhost\\x"), 400},
		{"Host h, evil", hostIs("letta.localhost, evil"), 400},
		{"Host h evil", hostIs("letta.localhost evil"), 400},
		{"Host http://h", hostIs("http://letta.localhost"), 400},
		{"empty Host", hostIs(""), 400},
		{"Host of a port alone", hostIs(":8283"), 400},
		{"Host port 99999", hostIs("letta.localhost:99999"), 400},
		{"Host port 65536", hostIs("letta.localhost:65536"), 400},
		{"Host port 0", hostIs("letta.localhost:0"), 400},
		{"Host port +80", hostIs("letta.localhost:+80"), 400},
		{"Host port 8e1", hostIs("letta.localhost:8e1"), 400},
		{"Host with two ports", hostIs("letta.localhost:80:80"), 400},
		{"Host with an empty label", hostIs("letta..localhost"), 400},
		{"Host in percent code", hostIs("letta%2elocalhost"), 400},
		{"Host beyond ASCII", hostIs("letta\u3002localhost"), 400},
		{"IPv6 without brackets", hostIs("::1"), 400},
		{"IPv6 with one bracket", hostIs("[::1"), 400},
		{"IPv6 with something behind", hostIs("[::1]x"), 400},
		{"IPv6 with a zone", hostIs("[::1%25lo]"), 400},
		{"IPv4 in brackets", hostIs("[127.0.0.1]"), 400},
		{"name in brackets", hostIs("[localhost]"), 400},
		{"file:///etc/passwd", target("file:///etc/passwd"), 400},
		{"ftp absolute-form", target("ftp://letta.localhost/"), 400},
		{"absolute-form without authority", target("http:///"), 400},
		{"absolute-form without slashes", target("http:letta.localhost/"), 400},
		{"absolute-form with a user", target("http://a@letta.localhost/"), 400},
		{"absolute-form with a fragment", target("http://letta.localhost#/"), 400},
		{"authority-form GET letta.localhost:80", target("letta.localhost:80"), 400},
		{"GET *", target("*"), 400},
		{"GET without a target", "GET HTTP/1.1\r\n" + hostLine + "\r\n", 400},
		{"GET a relative target", target("a/b"), 400},
		{"GET a query alone", target("?a"), 400},
		{"/a#b", target("/a#b"), 400},
		{"/\\xff", target("/\xff"), 400},
		{"/\\x7f", target("/\x7f"), 400},
		{"CONNECT example.com:443", "CONNECT example.com:443 HTTP/1.1\r\nHost: example.com:443\r\n\r\n", 405},
		{"CONNECT /x", "CONNECT /x HTTP/1.1\r\n" + hostLine + "\r\n", 405},
		{"CONNECT to an empty port", "CONNECT letta.localhost: HTTP/1.1\r\n" + hostLine + "\r\n", 405},
		{"CONNECT to an invalid port", "CONNECT letta.localhost:x HTTP/1.1\r\n" + hostLine + "\r\n", 405},
		{"TRACE", "TRACE / HTTP/1.1\r\n" + hostLine + "Cookie: a=b\r\n\r\n", 405},
		{"Max-Forwards: 0 TRACE", "TRACE / HTTP/1.1\r\n" + hostLine + "Max-Forwards: 0\r\n\r\n", 405},
		{"Max-Forwards: +0 OPTIONS", options("Max-Forwards: +0\r\n"), 400},
		{"Max-Forwards: -1 OPTIONS", options("Max-Forwards: -1\r\n"), 400},
		{"Max-Forwards: 0x0 OPTIONS", options("Max-Forwards: 0x0\r\n"), 400},
		{"Max-Forwards: 1, 2 OPTIONS", options("Max-Forwards: 1, 2\r\n"), 400},
		{"Max-Forwards empty OPTIONS", options("Max-Forwards:\r\n"), 400},
		{"Max-Forwards: 0 1 OPTIONS", options("Max-Forwards: 0 1\r\n"), 400},
		{"two Max-Forwards OPTIONS", options("Max-Forwards: 5\r\nMax-Forwards: 0\r\n"), 400},
		{"Upgrade: websocket with version 7", upgradeWith("Sec-WebSocket-Version: 7\r\nSec-WebSocket-Key: " + handshakeKey), 426},
		{"Upgrade: websocket with no key", upgradeWith("Sec-WebSocket-Version: 13"), 400},
		{"Upgrade: websocket with a key of 15 bytes", upgradeWith("Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25j"), 400},
		{"Upgrade: websocket with two keys", upgradeWith("Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: " + handshakeKey + "\r\nSec-WebSocket-Key: " + handshakeKey), 400},
		{"Upgrade: websocket POST", strings.Replace(handshakeOf(), "GET", "POST", 1), 400},
		{"Upgrade: websocket with a body", handshakeOf("Content-Length: 2") + "ab", 400},
	}
}

func upgradeWith(fields string) string {
	return get("Connection: Upgrade\r\nUpgrade: websocket\r\n" + fields + "\r\n")
}

// TestRefusedRequests: one answer, which says that the connection ends, and then it does. Nothing of it reaches an upstream, and
// nobody answers what may hide behind.
func TestRefusedRequests(t *testing.T) {
	up := startRecorder(t)
	g := startAt(t, up.addr, nil)
	for _, e := range g.allEntrances() {
		for _, row := range append(append(framingRows(), headRows()...), targetRows()...) {
			t.Run(e.name+"/"+row.line, func(t *testing.T) {
				replies := e.converse(t, row.bytes+smuggled)
				if got := statuses(replies); !reflect.DeepEqual(got, []int{row.want}) || !replies[0].Close {
					t.Errorf("answered %d, want %d and the end", got, row.want)
				}
			})
		}
	}
	if heard := up.heard(); len(heard) > 0 {
		t.Errorf("the upstream got %q", heard)
	}
}

// TestAbsoluteFormOfTheOtherScheme: what is said to be secure must be.
func TestAbsoluteFormOfTheOtherScheme(t *testing.T) {
	up := startRecorder(t)
	g := startAt(t, up.addr, nil)
	for i, e := range g.entrances() {
		replies := e.converse(t, target([]string{"https", "http"}[i]+"://letta.localhost/")+smuggled)
		if got := statuses(replies); !reflect.DeepEqual(got, []int{400}) {
			t.Errorf("%s: answered %d", e.name, got)
		}
	}
	if heard := up.heard(); len(heard) > 0 {
		t.Errorf("the upstream got %q", heard)
	}
}

// TestRefusedRequestsThatEndClearly: what follows on the connection is served.
func TestRefusedRequestsThatEndClearly(t *testing.T) {
	up := startRecorder(t)
	g := startAt(t, up.addr, nil)
	for _, e := range g.entrances() {
		for _, row := range []row{
			{"unknown Host", hostIs("evil.example"), 404},
			{"rebinding: Host below ours", hostIs("letta.localhost.evil.example"), 404},
			{"rebinding: another address", hostIs("192.168.0.1"), 404},
			{"rebinding: every address", hostIs("0.0.0.0"), 404},
			{"unknown Host with a body", "POST / HTTP/1.1\r\nHost: evil.example\r\nContent-Length: 2\r\n\r\nab", 404},
			{"foreign Origin", post("Origin: https://evil.example\r\nContent-Length: 2\r\n", "ab"), 403},
			{"foreign Origin, and the client would have waited", post("Origin: null\r\nExpect: 100-continue\r\nContent-Length: 2\r\n", "ab"), 403},
			{"absolute-form other authority", target(map[bool]string{false: "http", true: "https"}[e.secure] + "://evil.example/"), 404},
			{"OPTIONS *", "OPTIONS * HTTP/1.1\r\n" + hostLine + "\r\n", 204},
			{"OPTIONS * of a foreign Host", "OPTIONS * HTTP/1.1\r\nHost: evil.example\r\n\r\n", 404},
			{"OPTIONS absolute-form without a path", "OPTIONS " + map[bool]string{false: "http", true: "https"}[e.secure] + "://letta.localhost HTTP/1.1\r\n" + hostLine + "\r\n", 204},
			{"Max-Forwards: 0 OPTIONS", options("Max-Forwards: 0\r\n"), 204},
			{"Max-Forwards: 00 OPTIONS", options("Max-Forwards: 00\r\n"), 204},
			{"Max-Forwards: 0 between blanks OPTIONS", options("Max-Forwards: \t 0 \t\r\n"), 204},
		} {
			t.Run(e.name+"/"+row.line, func(t *testing.T) {
				last := "GET /next HTTP/1.1\r\n" + hostLine + "Connection: close\r\n\r\n"
				if got := statuses(e.converse(t, row.bytes+last)); !reflect.DeepEqual(got, []int{row.want, 200}) {
					t.Errorf("answered %d, want %d and what follows", got, row.want)
				}
			})
		}
	}
	for _, request := range requestsIn(up.heard()...) {
		if request != "GET /next " {
			t.Errorf("the upstream got %q", request)
		}
	}
}

// TestRefusedUploadsEndTheConnection: the rest of a body nobody wants is not waited for, and the answer says so.
func TestRefusedUploadsEndTheConnection(t *testing.T) {
	up := startRecorder(t)
	g := startAt(t, up.addr, nil)
	for _, e := range g.entrances() {
		for _, row := range []row{
			{"part of a body", post("Origin: null\r\nContent-Length: 200\r\n", "ab"), 403},
			{"chunked", post("Origin: null\r\nTransfer-Encoding: chunked\r\n", "2\r\nab\r\n"), 403},
			{"Expect: 100-continue", post("Origin: null\r\nExpect: 100-continue\r\nContent-Length: 2\r\n", ""), 403},
		} {
			t.Run(e.name+"/"+row.line, func(t *testing.T) {
				replies := e.converse(t, row.bytes)
				if got := statuses(replies); !reflect.DeepEqual(got, []int{row.want}) || !replies[0].Close {
					t.Errorf("answered %d, want %d and the end", got, row.want)
				}
			})
		}
	}
}

// TestMalformedChunks: the head may be on its way when the body turns out to be malformed, but no server ever takes the request for
// whole, and the fault is the client's.
func TestMalformedChunks(t *testing.T) {
	up := startRecorder(t)
	g := startAt(t, up.addr, nil)
	for _, e := range g.entrances() {
		for line, body := range map[string]string{
			"chunk ext with LF":           "2;\nx\r\nab\r\n0\r\n\r\n",
			"chunk ext LF first":          "1;\x0a\r\na\r\n0\r\n\r\n",
			"chunk ext with CR":           "2;a\rb\r\nab\r\n0\r\n\r\n",
			"chunk ext with NUL":          "2;a\x00\r\nab\r\n0\r\n\r\n",
			"chunk ext of 5 KB":           "2;" + strings.Repeat("a", 5<<10) + "\r\nab\r\n0\r\n\r\n",
			"size line LF":                "2\nab\r\n0\r\n\r\n",
			"data LF":                     "2\r\nab\n0\r\n\r\n",
			"last line LF":                "2\r\nab\r\n0\n\r\n",
			"end LF":                      "2\r\nab\r\n0\r\n\n",
			"0x2":                         "0x2\r\nab\r\n0\r\n\r\n",
			"-2":                          "-2\r\nab\r\n0\r\n\r\n",
			"+2":                          "+2\r\nab\r\n0\r\n\r\n",
			"2h":                          "2h\r\nab\r\n0\r\n\r\n",
			"empty size":                  "\r\nab\r\n0\r\n\r\n",
			"ext without size":            ";a\r\nab\r\n0\r\n\r\n",
			"2 (space after size)":        "2 \r\nab\r\n0\r\n\r\n",
			"space before size":           " 2\r\nab\r\n0\r\n\r\n",
			"tab after size":              "2\t;a\r\nab\r\n0\r\n\r\n",
			"17 hex digits":               "00000000000000002\r\nab\r\n0\r\n\r\n",
			"overlong number":             "10000000000000002\r\nab\r\n0\r\n\r\n",
			"fullwidth digit":             "\uff12\r\nab\r\n0\r\n\r\n",
			"data longer than size":       "2\r\nabc\r\n0\r\n\r\n",
			"data shorter than size":      "3\r\nab\r\n0\r\n\r\n",
			"no line end behind the data": "2\r\nab0\r\n\r\n",
			"trailer Content-Length":      "2\r\nab\r\n0\r\nContent-Length: 5\r\n\r\n",
			"trailer Transfer-Encoding":   "2\r\nab\r\n0\r\ntransfer-encoding: chunked\r\n\r\n",
			"trailer Host":                "2\r\nab\r\n0\r\nHost: evil.example\r\n\r\n",
			"trailer Trailer":             "2\r\nab\r\n0\r\nTrailer: X-T\r\n\r\n",
			"trailer without colon":       "2\r\nab\r\n0\r\nX\r\n\r\n",
			"trailer folded":              "2\r\nab\r\n0\r\nX: a\r\n b\r\n\r\n",
			"trailer of 300 lines":        "2\r\nab\r\n0\r\n" + strings.Repeat("A: 1\r\n", 300) + "\r\n",
		} {
			t.Run(e.name+"/"+line, func(t *testing.T) {
				replies := e.converse(t, post("Transfer-Encoding: chunked\r\n", body)+smuggled)
				if got := statuses(replies); len(got) != 1 || got[0] != 400 || !replies[0].Close {
					t.Errorf("answered %d, want 400 and the end", got)
				}
			})
		}
	}
	if whole := requestsIn(up.heard()...); len(whole) > 0 {
		t.Errorf("the upstream took for whole: %q", whole)
	}
}

// A refusal names the rule that was broken.
func TestRefusalsNameTheRule(t *testing.T) {
	g := startAt(t, startRecorder(t).addr, nil)
	for _, e := range g.entrances() {
		for says, request := range map[string]string{
			"a Content-Length of more than 18 digits":                         post("Content-Length: "+strings.Repeat("9", 30)+"\r\n", ""),
			"a Content-Length that is no number":                              post("Content-Length: 9x\r\n", ""),
			"the Host field is missing or empty":                              "GET / HTTP/1.1\r\nHost:\r\n\r\n",
			"the Host field is no name or address, with or without a port":    "GET / HTTP/1.1\r\nHost: a b\r\n\r\n",
			"the request body is malformed: the size of a chunk is malformed": post("Transfer-Encoding: chunked\r\n", "zz\r\n"),
		} {
			replies := e.converse(t, request)
			if got := statuses(replies); len(got) != 1 || got[0] != 400 || !strings.Contains(errorIn(t, replies[0].body).Message, says) {
				t.Errorf("%s: %q, want %q", e.name, replies[0].body, says)
			}
		}
	}
}

// A body over HTTP/2 that is shorter than its head says is recorded as that, and not as a client that left.
func TestHTTP2BodyShorterThanItsLength(t *testing.T) {
	g := start(t, echo(), nil)
	f := g.frames(t)
	f.head(1, false, pseudo("POST", "/", "content-length: 3")...)
	_ = f.WriteData(1, true, []byte("s"))
	f.outcome(1)
	if a := g.access(t); !strings.Contains(a.Cause, "Content-Length of 3 but only wrote 1 bytes") {
		t.Errorf("recorded %+v", a)
	}
}
