package http1

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
)

// writes keeps every single write.
type writes struct{ parts []string }

func (w *writes) Write(p []byte) (int, error) {
	w.parts = append(w.parts, string(p))
	return len(p), nil
}

func TestSmallMessageIsOneWrite(t *testing.T) {
	var out writes
	w := NewWriter(&out, new(Pool))
	w.Response(200, "OK", Fields{{"Content-Length", "99"}, {"X", "y"}, {"transfer-encoding", "chunked"}}, Framing{Sized, 5})
	w.Piece([]byte("he"))
	w.Piece([]byte("llo"))
	if err := errors.Join(w.End(nil), w.Flush()); err != nil {
		t.Fatal(err)
	}
	want := "HTTP/1.1 200 OK\r\nX: y\r\nContent-Length: 5\r\n\r\nhello"
	if len(out.parts) != 1 || out.parts[0] != want || w.buf != nil {
		t.Errorf("got %q", out.parts)
	}
}

func TestChunksAreMadeAnew(t *testing.T) {
	var out writes
	w := NewWriter(&out, new(Pool))
	w.Request("POST", "/a", Fields{{"Host", "b"}}, chunked)
	w.Piece([]byte("0123456789abcdef"))
	w.Piece(nil) // no chunk: an empty one would be the last
	w.Piece([]byte("x"))
	if err := errors.Join(w.End(Fields{{"X-Sum", "1"}}), w.Flush()); err != nil {
		t.Fatal(err)
	}
	want := "POST /a HTTP/1.1\r\nHost: b\r\nTransfer-Encoding: chunked\r\n\r\n10\r\n0123456789abcdef\r\n1\r\nx\r\n0\r\nX-Sum: 1\r\n\r\n"
	if got := strings.Join(out.parts, ""); got != want {
		t.Errorf("got %q", got)
	}
}

// A message that is not what its head says is an error that ends the connection.
func TestBrokenPromises(t *testing.T) {
	for name, do := range map[string]func(*Writer) error{
		"too long":   func(w *Writer) error { w.Response(200, "OK", nil, Framing{Sized, 1}); return w.Piece([]byte("ab")) },
		"too short":  func(w *Writer) error { w.Response(200, "OK", nil, Framing{Sized, 1}); return w.End(nil) },
		"unexpected": func(w *Writer) error { w.Response(204, "No Content", nil, Framing{}); return w.Piece([]byte("a")) },
		"behind the end": func(w *Writer) error {
			w.Response(200, "OK", nil, Framing{Sized, 1})
			return errors.Join(w.Piece([]byte("a")), w.End(nil), w.Piece([]byte("b")))
		},
	} {
		w := NewWriter(io.Discard, new(Pool))
		if err := do(w); err == nil || w.Flush() == nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// However large the pieces, every byte arrives in order.
func TestLargePieces(t *testing.T) {
	for _, size := range []int{1, smallBuffer - 40, smallBuffer, largeBuffer - 10, largeBuffer, 3*largeBuffer + 1} {
		var out bytes.Buffer
		w := NewWriter(&out, new(Pool))
		w.Request("POST", "/", Fields{{"Host", "b"}}, chunked)
		piece := bytes.Repeat([]byte("abc"), size/3+1)[:size]
		for range 3 {
			w.Piece(piece)
		}
		if err := errors.Join(w.End(nil), w.Flush()); err != nil {
			t.Fatal(err)
		}
		d := NewReader(&out, new(Pool))
		var r Request
		if err := d.Request(&r); err != nil {
			t.Fatal(err)
		}
		body, left, _, err := readBody(d, chunked)
		if err != nil || left != "" || body != strings.Repeat(string(piece), 3) {
			t.Errorf("size %d: %d bytes, %q left, %v", size, len(body), left, err)
		}
	}
}

func TestWriterStopsAtTheFirstError(t *testing.T) {
	w := NewWriter(brokenPipe{}, new(Pool))
	w.Response(200, "OK", nil, Framing{Sized, 1})
	if err := w.Flush(); err != io.ErrClosedPipe {
		t.Fatal(err)
	}
	if err := w.Piece([]byte("a")); err != io.ErrClosedPipe {
		t.Error(err)
	}
}

type brokenPipe struct{}

func (brokenPipe) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }
