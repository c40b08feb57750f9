package http1

import (
	"io"
)

// MaxChunkLine bounds the line that begins a chunk, in bytes.
const MaxChunkLine = 4 << 10

// A Body is read from its Reader piece by piece.
type Body struct {
	d       *Reader
	kind    Kind
	left    int64 // of the body, or of the chunk
	inChunk bool  // a chunk has begun, and its end of line is still to come
	done    bool
	trailer Fields
}

// Body begins to read the body behind a head. The one before must have ended.
func (d *Reader) Body(f Framing) Body {
	return Body{d: d, kind: f.Kind, left: f.Length, done: f.Kind == Empty || f == Framing{Kind: Sized}}
}

// Next returns the next piece, valid until the next call of any method of the
// Reader, and io.EOF after the last. A connection that ends too early gives
// io.ErrUnexpectedEOF, a malformed chunk an [*Error].
func (b *Body) Next() ([]byte, error) {
	switch {
	case b.done:
		return nil, io.EOF
	case b.kind == Chunked && b.left == 0:
		if err := b.nextChunk(); err != nil || b.done {
			return nil, ending(err)
		}
	}
	piece, err := b.take()
	if err == io.EOF && b.kind == ToEnd {
		b.done = true
		return nil, io.EOF
	}
	return piece, midway(err)
}

// Done reports whether the body has been read to its end.
func (b *Body) Done() bool { return b.done }

// Arrived reports whether Next gives the rest without waiting for it: for a chunked
// body that cannot be told.
func (b *Body) Arrived() bool {
	return b.done || b.kind == Sized && int64(len(b.d.Buffered())) >= b.left
}

// Trailer returns the fields behind the last chunk, once Next has returned io.EOF
// (RFC 9110, section 6.5).
func (b *Body) Trailer() Fields { return b.trailer }

// take gives what is buffered, or reads some.
func (b *Body) take() ([]byte, error) {
	d := b.d
	if d.r == d.w {
		full := d.buf != nil && d.w == len(d.buf) // what came last filled it: there is more
		if (b.left > smallBuffer || b.kind == ToEnd && full) && len(d.buf) < largeBuffer {
			d.grow()
		}
		if err := d.fill(); err != nil {
			return nil, err
		}
	}
	piece := d.buf[d.r:d.w]
	if b.kind == ToEnd {
		d.r = d.w
		return piece, nil
	}
	if int64(len(piece)) > b.left {
		piece = piece[:b.left]
	}
	d.r += len(piece)
	b.left -= int64(len(piece))
	b.done = b.left == 0 && b.kind == Sized
	return piece, nil
}

// nextChunk reads up to the first byte of a chunk's data, or behind the trailer.
func (b *Body) nextChunk() error {
	if b.inChunk {
		if _, err := b.d.line(0); err != nil {
			return because(err, "a chunk is longer than its size")
		}
	}
	line, err := b.d.line(MaxChunkLine)
	if err != nil {
		return because(err, "the line before a chunk is too long")
	}
	size, ok := parseChunkSize(line)
	if !ok {
		return bad("the size of a chunk is malformed")
	}
	b.left, b.inChunk = size, true
	if size == 0 {
		return b.readTrailer()
	}
	return nil
}

// readTrailer reads fields up to the empty line.
func (b *Body) readTrailer() error {
	size := 0
	for {
		line, err := b.d.line(MaxHead - size)
		switch size += len(line); {
		case err == errLongLine:
			return tooLarge()
		case len(b.trailer) == MaxFields && len(line) > 0:
			return tooMany()
		case err != nil:
			return err
		case len(line) == 0:
			b.done = true
			return nil
		}
		field, err := parseField(string(line), false)
		if err != nil {
			return err
		}
		if field.Is("Content-Length") || field.Is("Transfer-Encoding") || field.Is("Host") || field.Is("Trailer") { // RFC 9110, section 6.5.1
			return bad("a field of the head stands in the trailer")
		}
		b.trailer = append(b.trailer, field)
	}
}

// parseChunkSize reads hexadecimal digits and checks that what follows is an
// extension, which is dropped (RFC 9112, section 7.1.1).
func parseChunkSize(line []byte) (int64, bool) {
	var n int64
	digits := 0
	for ; digits < len(line); digits++ {
		v, ok := hexValue(line[digits])
		if !ok {
			break
		}
		n = n<<4 | v
	}
	extension := line[digits:]
	wellFormed := len(extension) == 0 || extension[0] == ';' && isValue(string(extension))
	return n, digits > 0 && digits <= 15 && wellFormed // 15 digits always fit
}

func hexValue(c byte) (int64, bool) {
	switch c = lower(c); {
	case isDigit(c):
		return int64(c - '0'), true
	case 'a' <= c && c <= 'f':
		return int64(c-'a') + 10, true
	}
	return 0, false
}

// ending is what Next says where a chunk should begin.
func ending(err error) error {
	if err == nil {
		return io.EOF
	}
	return midway(err)
}
