package http1

import (
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"
)

func TestResponses(t *testing.T) {
	for name, tc := range map[string]struct {
		method, wire string
		status       int
		framing      Framing
		persistent   bool
	}{
		"sized":                {"GET", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n", 200, Framing{Sized, 2}, true},
		"chunked":              {"GET", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", 200, chunked, true},
		"to the end":           {"GET", "HTTP/1.1 200 OK\r\n\r\n", 200, Framing{Kind: ToEnd}, false},
		"no reason":            {"GET", "HTTP/1.1 200 \r\nContent-Length: 0\r\n\r\n", 200, Framing{Kind: Sized}, true},
		"no space":             {"GET", "HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n", 200, Framing{Kind: Sized}, true},
		"HEAD":                 {"HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n", 200, Framing{}, true},
		"no content":           {"GET", "HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n", 204, Framing{}, true},
		"content all the same": {"GET", "HTTP/1.1 204 No Content\r\nContent-Length: 2\r\n\r\n", 204, Framing{}, false},
		"blank before a colon": {"GET", "HTTP/1.1 200 OK\r\nContent-Length \t: 2\r\n\r\n", 200, Framing{Sized, 2}, true},
		"not modified":         {"GET", "HTTP/1.1 304 Not Modified\r\nContent-Length: 2\r\n\r\n", 304, Framing{}, true},
		"early hints":          {"GET", "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n", 103, Framing{}, true},
		"switch":               {"GET", "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n", 101, Framing{}, false},
		"close":                {"GET", "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\n", 200, Framing{Sized, 2}, false},
		"HTTP/1.0":             {"GET", "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\n", 200, Framing{Sized, 2}, false},
		"HTTP/1.0, keep-alive": {"GET", "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\n", 200, Framing{Sized, 2}, true},
	} {
		t.Run(name, func(t *testing.T) {
			var r Response
			err := NewReader(strings.NewReader(tc.wire), new(Pool)).Response(&r, tc.method)
			if err != nil || r.Status != tc.status || r.Framing != tc.framing || r.Persistent() != tc.persistent {
				t.Errorf("%+v, persistent %v, %v", r, r.Persistent(), err)
			}
		})
	}
}

func TestRefusedResponses(t *testing.T) {
	for name, wire := range map[string]string{
		"length and coding":      "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n",
		"two lengths":            "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n",
		"no number":              "HTTP/1.1 200 OK\r\nContent-Length: two\r\n\r\n",
		"two lengths behind 204": "HTTP/1.1 204 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n",
		"gzip, chunked":          "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
		"coding in HTTP/1.0":     "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
		"status 099":             "HTTP/1.1 099 OK\r\n\r\n",
		"status of two digits":   "HTTP/1.1 20 OK\r\n\r\n",
		"status of four digits":  "HTTP/1.1 2000 OK\r\n\r\n",
		"status in letters":      "HTTP/1.1 OK 200\r\n\r\n",
		"another protocol":       "ICY 200 OK\r\n\r\n",
		"HTTP/2.0":               "HTTP/2.0 200 OK\r\n\r\n",
		"control in the reason":  "HTTP/1.1 200 O\x08K\r\n\r\n",
		"folded line":            "HTTP/1.1 200 OK\r\nX: a\r\n b\r\n\r\n",
		"bare LF":                "HTTP/1.1 200 OK\nX: a\n\n",
		"blank line first":       "\r\nHTTP/1.1 200 OK\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			var r Response
			err := NewReader(strings.NewReader(wire), new(Pool)).Response(&r, "GET")
			if !errors.As(err, new(*Error)) {
				t.Errorf("got %+v, %v", r, err)
			}
		})
	}
}

// What is no answer is known by its first bytes, in pieces of any size: nothing has to follow them.
func TestWhatIsNoResponse(t *testing.T) {
	for _, begin := range []string{"\x15\x03\x03", "SSH-2.0-", "HTTQ", "http/", "\x00"} {
		server, proxy := net.Pipe()
		go func() {
			for i := range begin {
				server.Write([]byte{begin[i]})
			}
		}()
		proxy.SetReadDeadline(time.Now().Add(20 * time.Second))
		var r Response
		if err := NewReader(proxy, new(Pool)).Response(&r, "GET"); !errors.As(err, new(*Error)) {
			t.Errorf("%q: %v", begin, err)
		}
		proxy.Close()
	}
}

// A connection that ended before the answer began is told apart: the request may be sent again.
func TestNoResponse(t *testing.T) {
	var r Response
	if err := NewReader(strings.NewReader(""), new(Pool)).Response(&r, "GET"); err != io.EOF {
		t.Error(err)
	}
	for _, cut := range []string{"H", "HTTP/", "HTTP/1.1 200 OK\r", "HTTP/1.1 200 OK\r\n", "HTTP/1.1 200 OK\r\nX: a\r\n"} {
		err := NewReader(strings.NewReader(cut), new(Pool)).Response(&r, "GET")
		if !errors.Is(err, io.ErrUnexpectedEOF) || !strings.Contains(err.Error(), "incomplete") {
			t.Errorf("%q: %v", cut, err)
		}
	}
}
