package http1

import (
	"fmt"
	"io"
	"strings"
)

// A Response is the head of an answer.
type Response struct {
	Minor   int // of the version: HTTP/1.Minor
	Status  int // 100 to 999
	Reason  string
	Fields  Fields
	Framing Framing

	Promised Framing // what the fields say, where the answer has no body all the same: to HEAD, and in a 304
}

// Response reads the head of an answer to a request of that method into r, whose
// Fields are used again; one that is not final (1xx) comes before another. The
// error is io.EOF when the connection ended before the first byte, and wraps
// io.ErrUnexpectedEOF when it ended inside the head.
func (d *Reader) Response(r *Response, method string) error {
	err := d.response(r, method)
	if err == io.ErrUnexpectedEOF {
		err = fmt.Errorf("the head of the answer is incomplete: %w", err)
	}
	return err
}

func (d *Reader) response(r *Response, method string) error {
	if err := d.protocol(); err != nil {
		return err
	}
	line, err := d.firstLine()
	if err != nil {
		return err
	}
	*r = Response{Fields: r.Fields[:0]}
	if err := r.parseLine(line); err != nil {
		return err
	}
	if r.Fields, err = d.fields(r.Fields, true); err != nil {
		return err
	}
	if r.Promised, err = framing(r.Minor, r.Fields); err == nil {
		r.Framing = responseFraming(method, r.Status, r.Promised)
	}
	return err
}

// protocol looks at the first bytes as they come: of another protocol, a line may have no end.
func (d *Reader) protocol() error {
	const name = "HTTP/"
	for {
		came := d.Buffered()
		n := min(len(came), len(name))
		switch {
		case string(came[:n]) != name[:n]:
			return bad("it does not begin with a version of HTTP")
		case n == len(name):
			return nil
		}
		if err := d.fill(); err != nil {
			if n > 0 {
				err = midway(err)
			}
			return err
		}
	}
}

// Persistent reports whether the server keeps the connection open behind the
// answer, and nothing else comes before the next: a 204 must not promise a body
// (RFC 9110, section 8.6), and one that does may be followed by it.
func (r *Response) Persistent() bool {
	promising := r.Promised.Kind == Chunked || r.Promised.Length > 0
	return r.Framing.Kind != ToEnd && r.Status != 101 && (r.Status != 204 || !promising) && persistent(r.Minor, r.Fields)
}

// parseLine reads "HTTP/1.1 200 OK". Servers leave out the reason, and some the
// space before it.
func (r *Response) parseLine(line string) (err error) {
	version, rest, _ := strings.Cut(line, " ")
	if r.Minor, err = minorVersion(version); err != nil {
		return err
	}
	code, reason, _ := strings.Cut(rest, " ")
	n, ok := parseLength(code)
	if !ok || len(code) != 3 || n < 100 {
		return bad("the status is not a number from 100 to 999")
	}
	if !isValue(reason) {
		return bad("the reason has a byte that no reason may have")
	}
	r.Status, r.Reason = int(n), reason
	return nil
}
