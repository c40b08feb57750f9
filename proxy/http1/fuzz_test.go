package http1

import (
	"bufio"
	"bytes"
	"net/http"
	"strings"
	"testing"
	"testing/iotest"
)

// A head that we accept is the same head to us when its bytes come one by one, to us again after the Writer wrote it anew, and to net/http.
func FuzzRequest(f *testing.F) {
	for _, wire := range []string{
		"GET / HTTP/1.1\r\nHost: a\r\n\r\n", "POST /a?b HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nab",
		"GET http://a/b HTTP/1.1\r\nHost: c\r\nX: \xff\r\n\r\n", "OPTIONS * HTTP/1.0\r\n\r\n", "\r\nGET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n",
	} {
		f.Add([]byte(wire))
	}
	f.Fuzz(func(t *testing.T, wire []byte) {
		var r, slow Request
		err := NewReader(bytes.NewReader(wire), new(Pool)).Request(&r)
		slowErr := NewReader(iotest.OneByteReader(bytes.NewReader(wire)), new(Pool)).Request(&slow)
		if (err == nil) != (slowErr == nil) {
			t.Fatalf("whole: %v; by bytes: %v", err, slowErr)
		}
		if err != nil {
			return
		}
		if !equalRequests(r, slow) || !equalFields(r.Fields, slow.Fields) {
			t.Fatalf("whole: %+v; by bytes: %+v", r, slow)
		}
		again(t, r)
		sameToNetHTTP(t, wire, r)
	})
}

func again(t *testing.T, r Request) {
	t.Helper()
	var out bytes.Buffer
	w := NewWriter(&out, new(Pool))
	fields := r.Fields
	if r.Minor == 0 {
		fields = append(Fields{}, fields...)
		fields.Set("Host", "a")
	}
	w.Request(r.Method, r.Target, fields, r.Framing)
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	var got Request
	if err := NewReader(&out, new(Pool)).Request(&got); err != nil {
		t.Fatalf("%q is not accepted again: %v", out.String(), err)
	}
	if got.Method != r.Method || got.Path != r.Path || got.Framing != r.Framing {
		t.Fatalf("%+v became %+v", r, got)
	}
}

// sameToNetHTTP: net/http refuses some names of methods and forms of hosts that we leave to others to check.
func sameToNetHTTP(t *testing.T, wire []byte, r Request) {
	t.Helper()
	theirs, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(bytes.TrimPrefix(wire, []byte("\r\n")))))
	if err != nil {
		return
	}
	length := r.Framing.Length
	if r.Framing.Kind == Chunked {
		length = -1
	}
	if theirs.Method != r.Method || theirs.RequestURI != r.Target || theirs.ContentLength != length {
		t.Fatalf("net/http reads %s %s %d, we %+v", theirs.Method, theirs.RequestURI, theirs.ContentLength, r)
	}
	for name, values := range theirs.Header {
		if got := strings.Join(collect(r.Fields, name), "\n"); got != strings.Join(values, "\n") && name != "Cookie" {
			t.Fatalf("net/http reads %s as %q, we as %q", name, values, got)
		}
	}
}

func collect(f Fields, name string) []string {
	var all []string
	for v := range f.Values(name) {
		all = append(all, v)
	}
	return all
}
