package http1

import (
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

func readRequest(wire string) (Request, *Reader, error) {
	d := NewReader(strings.NewReader(wire), new(Pool))
	var r Request
	err := d.Request(&r)
	return r, d, err
}

const host = "Host: letta.localhost\r\n"

// What is refused, and how it is answered: the cases in which parsers are known to differ.
func TestRefusedRequests(t *testing.T) {
	for name, tc := range map[string]struct {
		wire   string
		status int
	}{
		"length and coding":        {"POST / HTTP/1.1\r\n" + host + "Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
		"coding and length":        {"POST / HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked\r\nContent-Length: 6\r\n\r\n", 400},
		"coding in HTTP/1.0":       {"POST / HTTP/1.0\r\n" + host + "Transfer-Encoding: chunked\r\n\r\n", 400},
		"unknown coding":           {"POST / HTTP/1.1\r\n" + host + "Transfer-Encoding: xchunked\r\n\r\n", 501},
		"coding twice":             {"POST / HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", 501},
		"coding listed twice":      {"POST / HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked, chunked\r\n\r\n", 501},
		"gzip before chunked":      {"POST / HTTP/1.1\r\n" + host + "Transfer-Encoding: gzip, chunked\r\n\r\n", 501},
		"identity last":            {"POST / HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked, identity\r\n\r\n", 501},
		"identity":                 {"POST / HTTP/1.1\r\n" + host + "Transfer-Encoding: identity\r\n\r\n", 501},
		"no coding":                {"POST / HTTP/1.1\r\n" + host + "Transfer-Encoding:\r\n\r\n", 501},
		"vertical tab in coding":   {"POST / HTTP/1.1\r\n" + host + "Transfer-Encoding: \x0bchunked\r\n\r\n", 400},
		"lengths that differ":      {"POST / HTTP/1.1\r\n" + host + "Content-Length: 2\r\nContent-Length: 3\r\n\r\n", 400},
		"one length twice":         {"POST / HTTP/1.1\r\n" + host + "Content-Length: 2\r\nContent-Length: 2\r\n\r\n", 400},
		"list of lengths":          {"POST / HTTP/1.1\r\n" + host + "Content-Length: 2, 2\r\n\r\n", 400},
		"length with a plus":       {"POST / HTTP/1.1\r\n" + host + "Content-Length: +2\r\n\r\n", 400},
		"negative length":          {"POST / HTTP/1.1\r\n" + host + "Content-Length: -1\r\n\r\n", 400},
		"hexadecimal length":       {"POST / HTTP/1.1\r\n" + host + "Content-Length: 0x2\r\n\r\n", 400},
		"empty length":             {"POST / HTTP/1.1\r\n" + host + "Content-Length: \r\n\r\n", 400},
		"length beyond 64 bits":    {"POST / HTTP/1.1\r\n" + host + "Content-Length: 18446744073709551618\r\n\r\n", 400},
		"blank before the colon":   {"POST / HTTP/1.1\r\n" + host + "Content-Length : 2\r\n\r\n", 400},
		"folded line":              {"GET / HTTP/1.1\r\n" + host + "X-A: 1\r\n folded\r\n\r\n", 400},
		"blank first line":         {"GET / HTTP/1.1\r\n X: 1\r\n" + host + "\r\n", 400},
		"name with parentheses":    {"GET / HTTP/1.1\r\n" + host + "X(a): 1\r\n\r\n", 400},
		"no name":                  {"GET / HTTP/1.1\r\n" + host + ": 1\r\n\r\n", 400},
		"no colon":                 {"GET / HTTP/1.1\r\n" + host + "X\r\n\r\n", 400},
		"NUL in a value":           {"GET / HTTP/1.1\r\n" + host + "X: a\x00b\r\n\r\n", 400},
		"bare CR in a value":       {"GET / HTTP/1.1\r\n" + host + "X: a\rb\r\n\r\n", 400},
		"bare LF line ends":        {"GET / HTTP/1.1\nHost: letta.localhost\n\n", 400},
		"bare LF in a value":       {"GET / HTTP/1.1\r\n" + host + "X: a\nY: b\r\n\r\n", 400},
		"bare LF at the end":       {"GET / HTTP/1.1\r\n" + host + "\n", 400},
		"two Hosts":                {"GET / HTTP/1.1\r\n" + host + host + "\r\n", 400},
		"no Host":                  {"GET / HTTP/1.1\r\n\r\n", 400},
		"two Hosts in HTTP/1.0":    {"GET / HTTP/1.0\r\n" + host + host + "\r\n", 400},
		"target of another scheme": {"GET file:///etc/passwd HTTP/1.1\r\n" + host + "\r\n", 400},
		"user in the target":       {"GET http://a@letta.localhost/ HTTP/1.1\r\n" + host + "\r\n", 400},
		"no authority":             {"GET http:///a HTTP/1.1\r\n" + host + "\r\n", 400},
		"authority form":           {"GET letta.localhost:80 HTTP/1.1\r\n" + host + "\r\n", 400},
		"asterisk for GET":         {"GET * HTTP/1.1\r\n" + host + "\r\n", 400},
		"fragment":                 {"GET /a#b HTTP/1.1\r\n" + host + "\r\n", 400},
		"byte beyond ASCII":        {"GET /\xff HTTP/1.1\r\n" + host + "\r\n", 400},
		"tab in the request line":  {"GET\t/ HTTP/1.1\r\n" + host + "\r\n", 400},
		"two spaces":               {"GET  / HTTP/1.1\r\n" + host + "\r\n", 400},
		"space at the end":         {"GET / HTTP/1.1 \r\n" + host + "\r\n", 400},
		"no method":                {" / HTTP/1.1\r\n" + host + "\r\n", 400},
		"HTTP/1.2":                 {"GET / HTTP/1.2\r\n" + host + "\r\n", 505},
		"HTTP/2.0 as text":         {"GET / HTTP/2.0\r\n" + host + "\r\n", 505},
		"preface of HTTP/2":        {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505},
		"lower case version":       {"GET / http/1.1\r\n" + host + "\r\n", 400},
		"HTTP/0.9":                 {"GET /\r\n", 400},
		"two blank lines first":    {"\r\n\r\nGET / HTTP/1.1\r\n" + host + "\r\n", 400},
		"unknown expectation":      {"POST / HTTP/1.1\r\n" + host + "Expect: 200-maybe\r\n\r\n", 417},
		"long target":              {"GET /" + strings.Repeat("a", MaxHead) + " HTTP/1.1\r\n" + host + "\r\n", 414},
		"large head":               {"GET / HTTP/1.1\r\n" + host + "X: " + strings.Repeat("a", MaxHead) + "\r\n\r\n", 431},
		"many fields":              {"GET / HTTP/1.1\r\n" + host + strings.Repeat("X: a\r\n", MaxFields) + "\r\n", 431},
	} {
		t.Run(name, func(t *testing.T) {
			_, _, err := readRequest(tc.wire)
			var e *Error
			if !errors.As(err, &e) || e.Status != tc.status {
				t.Errorf("got %v, want an Error with status %d", err, tc.status)
			}
		})
	}
}

func TestAcceptedRequests(t *testing.T) {
	for name, tc := range map[string]struct {
		wire string
		want Request // without its fields
	}{
		"origin form":   {"GET /a/../../b%2f?x=1;y=2 HTTP/1.1\r\n" + host + "\r\n", Request{Method: "GET", Target: "/a/../../b%2f?x=1;y=2", Path: "/a/../../b%2f?x=1;y=2", Host: "letta.localhost", Minor: 1}},
		"two slashes":   {"GET //a HTTP/1.1\r\n" + host + "\r\n", Request{Method: "GET", Target: "//a", Path: "//a", Host: "letta.localhost", Minor: 1}},
		"absolute form": {"GET HTTP://b:81?q HTTP/1.1\r\n" + host + "\r\n", Request{Method: "GET", Target: "HTTP://b:81?q", Scheme: "http", Host: "b:81", Path: "/?q", Minor: 1}},
		"asterisk, absolute": {"OPTIONS http://b HTTP/1.1\r\n" + host + "\r\n",
			Request{Method: "OPTIONS", Target: "http://b", Scheme: "http", Path: "*", Host: "b", Minor: 1}},
		"asterisk":          {"OPTIONS * HTTP/1.1\r\n" + host + "\r\n", Request{Method: "OPTIONS", Target: "*", Path: "*", Host: "letta.localhost", Minor: 1}},
		"CONNECT":           {"CONNECT a:443 HTTP/1.1\r\n" + host + "\r\n", Request{Method: "CONNECT", Target: "a:443", Host: "a:443", Minor: 1}},
		"HTTP/1.0, no Host": {"GET / HTTP/1.0\r\n\r\n", Request{Method: "GET", Target: "/", Path: "/"}},
		"coding in capitals": {"POST / HTTP/1.1\r\n" + host + "Transfer-Encoding: CHUNKED\r\n\r\n",
			Request{Method: "POST", Target: "/", Path: "/", Host: "letta.localhost", Minor: 1, Framing: Framing{Kind: Chunked}}},
		"length": {"POST / HTTP/1.1\r\n" + host + "content-length:\t007 \r\n\r\n",
			Request{Method: "POST", Target: "/", Path: "/", Host: "letta.localhost", Minor: 1, Framing: Framing{Sized, 7}}},
		"blank line first": {"\r\nGET / HTTP/1.1\r\n" + host + "\r\n", Request{Method: "GET", Target: "/", Path: "/", Host: "letta.localhost", Minor: 1}},
		"many fields":      {"GET / HTTP/1.1\r\n" + host + strings.Repeat("X: a\r\n", MaxFields-1) + "\r\n", Request{Method: "GET", Target: "/", Path: "/", Host: "letta.localhost", Minor: 1}},
	} {
		t.Run(name, func(t *testing.T) {
			for _, src := range []io.Reader{strings.NewReader(tc.wire), iotest.OneByteReader(strings.NewReader(tc.wire))} {
				d := NewReader(src, new(Pool))
				var got Request
				if err := d.Request(&got); err != nil {
					t.Fatal(err)
				}
				got.Fields = nil
				if !equalRequests(got, tc.want) {
					t.Errorf("got %+v, want %+v", got, tc.want)
				}
			}
		})
	}
}

// What came by HTTP/2 is held to the same rules.
func TestCheck(t *testing.T) {
	for name, tc := range map[string]struct {
		request Request
		status  int
	}{
		"good":                     {Request{Method: "POST", Path: "/a?b", Fields: Fields{{"content-length", "2"}}}, 0},
		"asterisk":                 {Request{Method: "OPTIONS", Path: "*"}, 0},
		"blank in the method":      {Request{Method: "GET / HTTP/1.1", Path: "/"}, 400},
		"no method":                {Request{Path: "/"}, 400},
		"blank in the target":      {Request{Method: "GET", Path: "/ HTTP/1.1"}, 400},
		"fragment":                 {Request{Method: "GET", Path: "/#a"}, 400},
		"absolute form":            {Request{Method: "GET", Path: "http://a/"}, 400},
		"no target":                {Request{Method: "GET"}, 400},
		"asterisk for GET":         {Request{Method: "GET", Path: "*"}, 400},
		"two lengths":              {Request{Method: "POST", Path: "/", Fields: Fields{{"Content-Length", "2"}, {"Content-Length", "2"}}}, 400},
		"unknown expectation":      {Request{Method: "POST", Path: "/", Fields: Fields{{"Expect", "x"}}}, 417},
		"blank before a value":     {Request{Method: "POST", Path: "/", Fields: Fields{{"X", " a"}}}, 400},
		"blank in a name":          {Request{Method: "POST", Path: "/", Fields: Fields{{"X Y", "a"}}}, 400},
		"known one twice":          {Request{Method: "POST", Path: "/", Fields: Fields{{"Expect", "100-continue"}, {"Expect", "x"}}}, 417},
		"unknown transfer coding ": {Request{Method: "POST", Path: "/", Fields: Fields{{"Transfer-Encoding", "x"}}}, 501},
	} {
		var e *Error
		err := tc.request.Check()
		if errors.As(err, &e); tc.status == 0 && err != nil || tc.status != 0 && (e == nil || e.Status != tc.status) {
			t.Errorf("%s: %v, want %d", name, err, tc.status)
		}
	}
	r := Request{Method: "POST", Path: "/", Fields: Fields{{"Content-Length", "2"}}}
	if err := r.Check(); err != nil || r.Framing != (Framing{Sized, 2}) {
		t.Errorf("%+v, %v", r.Framing, err)
	}
}

// What is wrong before the request line is read says nothing of the request before.
func TestNothingIsLeftOfTheRequestBefore(t *testing.T) {
	d := NewReader(strings.NewReader("HEAD /a HTTP/1.1\r\n"+host+"\r\n"+strings.Repeat("a", 2*MaxLine)), new(Pool))
	var r Request
	if err := d.Request(&r); err != nil {
		t.Fatal(err)
	}
	if err := d.Request(&r); err == nil || r.Method != "" || r.Target != "" {
		t.Errorf("%+v, %v", r, err)
	}
}

func equalRequests(a, b Request) bool {
	return a.Method == b.Method && a.Target == b.Target && a.Scheme == b.Scheme && a.Host == b.Host && a.Path == b.Path &&
		a.Minor == b.Minor && a.Framing == b.Framing
}

// Fields keep their order, the spelling of their names and the bytes of their values, the blanks around them aside.
func TestFieldsAsTheyCame(t *testing.T) {
	req, _, err := readRequest("GET / HTTP/1.1\r\n" + host + "user_id: a\r\nX-B:\t b \xc3\xa9 c \t\r\nx-b:\r\n\r\n")
	got, want := req.Fields, Fields{{"Host", "letta.localhost"}, {"user_id", "a"}, {"X-B", "b \xc3\xa9 c"}, {"x-b", ""}}
	if err != nil || len(got) != len(want) {
		t.Fatalf("got %q, %v", got, err)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("got %q, want %q", got[i], want[i])
		}
	}
	if got.Count("x-B") != 2 || got.Get("x-b") != "b \xc3\xa9 c" {
		t.Error("names compare with regard to case")
	}
}

func TestEndOfConnection(t *testing.T) {
	for wire, want := range map[string]error{"": io.EOF, "GET": io.ErrUnexpectedEOF, "GET / HTTP/1.1\r\n" + host: io.ErrUnexpectedEOF} {
		if _, _, err := readRequest(wire); err != want {
			t.Errorf("%q: %v, want %v", wire, err, want)
		}
	}
}

func TestPersistent(t *testing.T) {
	for wire, want := range map[string]bool{
		"GET / HTTP/1.1\r\n" + host + "\r\n":                                    true,
		"GET / HTTP/1.1\r\n" + host + "Connection: x, Close\r\n\r\n":            false,
		"GET / HTTP/1.0\r\n\r\n":                                                false,
		"GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n":                      true,
		"GET / HTTP/1.0\r\nConnection: keep-alive\r\nConnection: close\r\n\r\n": false,
	} {
		d := NewReader(strings.NewReader(wire), new(Pool))
		var r Request
		if err := d.Request(&r); err != nil || r.Persistent() != want {
			t.Errorf("%q: %v, %v", wire, r.Persistent(), err)
		}
	}
}

// A buffer is held only while something is in it.
func TestBuffersGoBack(t *testing.T) {
	r, w := io.Pipe()
	d := NewReader(r, new(Pool))
	go func() { io.WriteString(w, "GET / HTTP/1.1\r\n"+host+"\r\n"); w.Close() }()
	if err := d.Wait(); err != nil || len(d.Buffered()) == 0 {
		t.Fatalf("%q, %v", d.Buffered(), err)
	}
	var req Request
	if err := d.Request(&req); err != nil {
		t.Fatal(err)
	}
	if err := d.Wait(); err != io.EOF || d.buf != nil {
		t.Errorf("%v, %d bytes held", err, len(d.buf))
	}
}
