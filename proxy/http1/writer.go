package http1

import (
	"errors"
	"io"
	"strconv"
)

// A Writer writes messages to one connection, in one buffer until Flush. After an
// error it writes nothing more, and every call returns that error. It is not safe
// for concurrent use.
type Writer struct {
	dst  io.Writer
	pool *Pool
	buf  []byte // nil while nothing is buffered
	kind Kind
	left int64 // of a Sized body
	err  error
}

// NewWriter returns a Writer to dst.
func NewWriter(dst io.Writer, pool *Pool) *Writer { return &Writer{dst: dst, pool: pool} }

// Request begins a request. Fields about the framing are left out and written
// anew.
func (w *Writer) Request(method, target string, fields Fields, f Framing) error {
	w.text(method)
	w.text(" ")
	w.text(target)
	w.text(" HTTP/1.1\r\n")
	return w.rest(fields, f)
}

// Response begins an answer.
func (w *Writer) Response(status int, reason string, fields Fields, f Framing) error {
	w.text("HTTP/1.1 ")
	w.text(strconv.Itoa(status))
	w.text(" ")
	w.text(reason)
	w.text("\r\n")
	return w.rest(fields, f)
}

// ResponseWithout begins and ends an answer to HEAD, or a 304: its head tells of a
// body that does not come (RFC 9110, section 8.6).
func (w *Writer) ResponseWithout(status int, reason string, fields Fields, promised Framing) error {
	w.Response(status, reason, fields, promised)
	w.kind, w.left = Empty, 0
	return w.err
}

func (w *Writer) rest(fields Fields, f Framing) error {
	for i := range fields {
		if f := &fields[i]; !f.Is("Content-Length") && !f.Is("Transfer-Encoding") {
			w.field(f.Name, f.Value)
		}
	}
	switch f.Kind {
	case Sized:
		w.field("Content-Length", strconv.FormatInt(f.Length, 10))
	case Chunked:
		w.field("Transfer-Encoding", "chunked")
	}
	w.text("\r\n")
	w.kind, w.left = f.Kind, f.Length
	return w.err
}

func (w *Writer) field(name, value string) {
	w.text(name)
	w.text(": ")
	w.text(value)
	w.text("\r\n")
}

// Piece writes a part of the body.
func (w *Writer) Piece(p []byte) error {
	switch {
	case len(p) == 0 || w.err != nil:
	case w.kind == Sized && int64(len(p)) > w.left, w.kind == Empty:
		w.err = errors.New("a body longer than its head said")
	case w.kind == Chunked:
		w.text(strconv.FormatInt(int64(len(p)), 16))
		w.text("\r\n")
		w.bytes(p)
		w.text("\r\n")
	default:
		w.left -= int64(len(p))
		w.bytes(p)
	}
	return w.err
}

// End ends the body, with the trailer of a chunked one; others have none. A Sized
// body that is not complete is an error, and the connection has to be closed.
func (w *Writer) End(trailer Fields) error {
	switch {
	case w.err != nil:
	case w.kind == Sized && w.left > 0:
		w.err = errors.New("a body shorter than its head said")
	case w.kind == Chunked:
		w.text("0\r\n")
		for _, f := range trailer {
			w.field(f.Name, f.Value)
		}
		w.text("\r\n")
	}
	w.kind = Empty
	return w.err
}

// Flush writes what is buffered and gives the buffer back.
func (w *Writer) Flush() error {
	if len(w.buf) > 0 && w.err == nil {
		_, w.err = w.dst.Write(w.buf)
	}
	if w.buf != nil {
		w.pool.put(w.buf)
		w.buf = nil
	}
	return w.err
}

func (w *Writer) text(s string) {
	if len(w.buf)+len(s) > cap(w.buf) {
		w.makeRoom(len(s))
	}
	w.buf = append(w.buf, s...)
}

func (w *Writer) bytes(p []byte) {
	if len(w.buf)+len(p) > cap(w.buf) {
		w.makeRoom(len(p))
	}
	if len(p) > cap(w.buf)-len(w.buf) { // larger than any buffer
		if w.Flush(); w.err == nil {
			_, w.err = w.dst.Write(p)
		}
		return
	}
	w.buf = append(w.buf, p...)
}

// makeRoom finds room for n bytes: in a first buffer, a larger one, or by writing
// what is buffered.
func (w *Writer) makeRoom(n int) {
	size := smallBuffer
	if len(w.buf)+n > smallBuffer {
		size = largeBuffer
	}
	if len(w.buf)+n > largeBuffer {
		w.Flush()
	}
	if cap(w.buf) < size {
		larger := append(w.pool.get(size)[:0], w.buf...)
		if w.buf != nil {
			w.pool.put(w.buf)
		}
		w.buf = larger
	}
}
