package http1

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/iotest"
)

// readBody takes a body off a connection, with what is left behind it.
func readBody(src io.Reader, f Framing) (body, left string, trailer Fields, err error) {
	d := NewReader(src, new(Pool))
	b := d.Body(f)
	var out strings.Builder
	for {
		piece, err := b.Next()
		out.Write(piece)
		if err == io.EOF {
			rest, err := io.ReadAll(d)
			return out.String(), string(rest), b.Trailer(), err
		}
		if err != nil {
			return out.String(), "", nil, err
		}
	}
}

var chunked = Framing{Kind: Chunked}

func TestBodies(t *testing.T) {
	long := strings.Repeat("0123456789", 20_000)
	for name, tc := range map[string]struct {
		framing          Framing
		wire, body, left string
		trailer          Fields
	}{
		"none":             {Framing{}, "next", "", "next", nil},
		"sized":            {Framing{Sized, 5}, "hellonext", "hello", "next", nil},
		"sized, empty":     {Framing{Kind: Sized}, "next", "", "next", nil},
		"sized, long":      {Framing{Sized, int64(len(long))}, long + "next", long, "next", nil},
		"to the end":       {Framing{Kind: ToEnd}, long, long, "", nil},
		"chunked":          {chunked, "5\r\nhello\r\n6\r\n world\r\n0\r\n\r\nnext", "hello world", "next", nil},
		"chunked, empty":   {chunked, "0\r\n\r\nnext", "", "next", nil},
		"extensions":       {chunked, "5;a=b;c=\"d\"\r\nhello\r\n0;x\r\n\r\nnext", "hello", "next", nil},
		"leading zeros":    {chunked, "00A\r\n0123456789\r\n000\r\n\r\n", "0123456789", "", nil},
		"a long chunk":     {chunked, "30d40\r\n" + long + "\r\n0\r\n\r\nnext", long, "next", nil},
		"trailer":          {chunked, "1\r\na\r\n0\r\nX-Sum: 1\r\ny: \r\n\r\nnext", "a", "next", Fields{{"X-Sum", "1"}, {"y", ""}}},
		"line of the full": {chunked, "1;" + strings.Repeat("a", MaxChunkLine-2) + "\r\na\r\n0\r\n\r\n", "a", "", nil},
	} {
		t.Run(name, func(t *testing.T) {
			for _, src := range []io.Reader{strings.NewReader(tc.wire), iotest.OneByteReader(strings.NewReader(tc.wire)), iotest.DataErrReader(strings.NewReader(tc.wire))} {
				body, left, trailer, err := readBody(src, tc.framing)
				if err != nil || body != tc.body || left != tc.left || !equalFields(trailer, tc.trailer) {
					t.Errorf("got %d bytes, %q left, %q, %v", len(body), left, trailer, err)
				}
			}
		})
	}
}

func equalFields(a, b Fields) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

func TestRefusedChunks(t *testing.T) {
	for name, wire := range map[string]string{
		"no size":                     "\r\nhello",
		"prefix":                      "0x2\r\nab\r\n0\r\n\r\n",
		"sign":                        "-2\r\nab\r\n0\r\n\r\n",
		"plus":                        "+2\r\nab\r\n0\r\n\r\n",
		"space behind":                "2 \r\nab\r\n0\r\n\r\n",
		"space before":                " 2\r\nab\r\n0\r\n\r\n",
		"seventeen digits":            "00000000000000002\r\nab\r\n0\r\n\r\n",
		"overflow":                    "fffffffffffffffff\r\nab",
		"LF after the size":           "2\nab\r\n0\r\n\r\n",
		"LF in the extension":         "2;a\nb\r\nab\r\n0\r\n\r\n",
		"CR in the extension":         "2;a\rb\r\nab\r\n0\r\n\r\n",
		"LF after the data":           "2\r\nab\n0\r\n\r\n",
		"longer than its size":        "2\r\nabc\r\n0\r\n\r\n",
		"no end of line":              "2\r\nab0\r\n\r\n",
		"long line":                   "2;" + strings.Repeat("a", MaxChunkLine) + "\r\nab\r\n0\r\n\r\n",
		"endless line":                "2;" + strings.Repeat("a", 3*largeBuffer),
		"length in the trailer":       "0\r\nContent-Length: 2\r\n\r\n",
		"coding in the trailer":       "0\r\ntransfer-encoding: chunked\r\n\r\n",
		"Host in the trailer":         "0\r\nHost: a\r\n\r\n",
		"malformed trailer":           "0\r\nX : 1\r\n\r\n",
		"LF in the trailer":           "0\r\nX: 1\n\r\n",
		"many fields in the trailer":  "0\r\n" + strings.Repeat("X: a\r\n", MaxFields+1) + "\r\n",
		"large trailer":               "0\r\n" + strings.Repeat("X: "+strings.Repeat("a", 2000)+"\r\n", 40) + "\r\n",
		"endless line in the trailer": "0\r\nX: " + strings.Repeat("a", 3*largeBuffer),
	} {
		t.Run(name, func(t *testing.T) {
			for _, src := range []io.Reader{strings.NewReader(wire), iotest.OneByteReader(strings.NewReader(wire))} {
				_, _, _, err := readBody(src, chunked)
				var e *Error
				if !errors.As(err, &e) || e.Status != 400 && e.Status != 431 {
					t.Errorf("got %v, want an Error", err)
				}
			}
		})
	}
}

// A body that ends before its end is never taken for whole.
func TestTruncatedBodies(t *testing.T) {
	const wire = "5\r\nhello\r\n0\r\nX: 1\r\n\r\n"
	for n := range len(wire) {
		if _, _, _, err := readBody(strings.NewReader(wire[:n]), chunked); err != io.ErrUnexpectedEOF {
			t.Errorf("%q: %v", wire[:n], err)
		}
	}
	if _, _, _, err := readBody(strings.NewReader("hell"), Framing{Sized, 5}); err != io.ErrUnexpectedEOF {
		t.Error(err)
	}
}

// Before is called where reading may wait, and nowhere else: not for what came with the piece before.
func TestBeforeIsCalledWhereReadingMayWait(t *testing.T) {
	d := NewReader(&segments{parts: []string{"1\r\na\r\n1\r\nb\r\n2\r", "\nc", "d\r\n0\r\n\r\n"}}, new(Pool))
	waits := 0
	d.Before = func() { waits++ }
	b := d.Body(chunked)
	var seen []string
	for {
		piece, err := b.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		seen = append(seen, string(piece), strings.Repeat("|", waits))
		waits = 0
	}
	if got := strings.Join(seen, ""); got != "a|bc|d|" {
		t.Errorf("got %q", got)
	}
}

// segments are reads of a connection.
type segments struct{ parts []string }

func (s *segments) Read(p []byte) (int, error) {
	if len(s.parts) == 0 {
		return 0, io.EOF
	}
	n := copy(p, s.parts[0])
	s.parts = s.parts[1:]
	return n, nil
}

// What we take for a chunked body net/http takes for the same one, however the bytes arrive; and what is left is the same.
func FuzzChunks(f *testing.F) {
	for _, wire := range []string{"5\r\nhello\r\n0\r\n\r\nGET", "1;a=b\r\nx\r\n0\r\nA: b\r\n\r\n", "2 \r\nab\r\n0\r\n\r\n", "1\nx\n0\n\n"} {
		f.Add([]byte(wire))
	}
	f.Fuzz(func(t *testing.T, wire []byte) {
		body, left, trailer, err := readBody(bytes.NewReader(wire), chunked)
		body2, left2, trailer2, err2 := readBody(iotest.OneByteReader(bytes.NewReader(wire)), chunked)
		if body != body2 || left != left2 || (err == nil) != (err2 == nil) || !equalFields(trailer, trailer2) {
			t.Fatalf("whole: %q %q %v; by bytes: %q %q %v", body, left, err, body2, left2, err2)
		}
		if err != nil {
			return
		}
		both := io.MultiReader(strings.NewReader("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"), bytes.NewReader(wire))
		behind := bufio.NewReaderSize(both, largeBuffer) // which bounds the trailer of net/http
		res, err := http.ReadResponse(behind, nil)
		if err != nil {
			t.Fatal(err)
		}
		theirs, err := io.ReadAll(res.Body)
		if err != nil || string(theirs) != body {
			t.Fatalf("net/http reads %q, %v; we %q", theirs, err, body)
		}
		if rest, _ := io.ReadAll(behind); string(rest) != left {
			t.Fatalf("net/http leaves %q, we %q", rest, left)
		}
	})
}
