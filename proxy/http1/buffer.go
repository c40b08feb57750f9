package http1

import (
	"errors"
	"io"
	"sync"
)

const (
	smallBuffer = 4 << 10  // heads and events
	largeBuffer = 64 << 10 // bodies; a whole head of the largest kind
)

// A Pool lends buffers. The zero value is ready, and safe for concurrent use.
type Pool struct{ small, large sync.Pool }

func (p *Pool) get(size int) []byte {
	pool := &p.small
	if size == largeBuffer {
		pool = &p.large
	}
	switch b := pool.Get().(type) {
	case *[smallBuffer]byte:
		return b[:]
	case *[largeBuffer]byte:
		return b[:]
	}
	return make([]byte, size)
}

func (p *Pool) put(b []byte) {
	b = b[:cap(b)]
	switch cap(b) {
	case smallBuffer:
		p.small.Put((*[smallBuffer]byte)(b))
	case largeBuffer:
		p.large.Put((*[largeBuffer]byte)(b))
	}
}

// A Reader reads messages from one connection. It is not safe for concurrent use.
type Reader struct {
	src  io.Reader
	pool *Pool
	buf  []byte // nil while nothing is buffered
	r, w int    // what is buffered: buf[r:w]

	first [firstRead]byte // of Wait

	// Before, if not nil, is called before every read from the connection, which
	// may take for ever: the moment to flush what was written so far.
	Before func()
}

// NewReader returns a Reader of src.
func NewReader(src io.Reader, pool *Pool) *Reader { return &Reader{src: src, pool: pool} }

// Buffered returns what was read and not taken yet, valid until the next call of
// any other method.
func (d *Reader) Buffered() []byte { return d.buf[d.r:d.w] }

// Read takes what is buffered, then reads from the connection: after an upgrade
// the connection is not ours to parse any more.
func (d *Reader) Read(p []byte) (int, error) {
	if d.r == d.w {
		d.Release()
		return d.src.Read(p)
	}
	n := copy(p, d.buf[d.r:d.w])
	d.r += n
	return n, nil
}

// Rest takes all that is buffered, and nothing from the connection.
func (d *Reader) Rest() []byte {
	if d.r == d.w {
		d.Release()
		return nil
	}
	rest := append([]byte(nil), d.buf[d.r:d.w]...)
	d.r = d.w
	d.Release()
	return rest
}

// Release gives the buffer back if there is nothing in it.
func (d *Reader) Release() {
	if d.buf != nil && d.r == d.w {
		d.pool.put(d.buf)
		d.buf, d.r, d.w = nil, 0, 0
	}
}

// firstRead holds most requests whole, so that one read brings them.
const firstRead = 512

// Wait reads something, if nothing is buffered yet, and holds no buffer until that
// comes. It is for connections at rest.
func (d *Reader) Wait() error {
	if d.r < d.w {
		return nil
	}
	d.Release()
	n, err := d.read(d.first[:])
	if err != nil {
		return err
	}
	d.buf = d.pool.get(smallBuffer)
	d.w = copy(d.buf, d.first[:n])
	return nil
}

// fill reads more behind what is buffered, which must be less than largeBuffer.
func (d *Reader) fill() error {
	switch {
	case d.buf == nil:
		d.buf = d.pool.get(smallBuffer)
	case d.r == d.w:
		d.r, d.w = 0, 0
	case d.w == len(d.buf) && d.r > 0:
		d.w = copy(d.buf, d.buf[d.r:d.w])
		d.r = 0
	}
	if d.w == len(d.buf) {
		d.grow()
	}
	n, err := d.read(d.buf[d.w:])
	d.w += n
	return err
}

// grow exchanges the small buffer for a large one.
func (d *Reader) grow() {
	large := d.pool.get(largeBuffer)
	n := copy(large, d.buf[d.r:d.w])
	if d.buf != nil {
		d.pool.put(d.buf)
	}
	d.buf, d.r, d.w = large, 0, n
}

// maxEmptyReads bounds how often a connection may give nothing without an error.
const maxEmptyReads = 16

func (d *Reader) read(p []byte) (int, error) {
	if d.Before != nil {
		d.Before()
	}
	for range maxEmptyReads {
		n, err := d.src.Read(p)
		if n > 0 {
			return n, nil // the error comes again
		}
		if err != nil {
			return 0, err
		}
	}
	return 0, io.ErrNoProgress
}

// midway is err, with the end of the connection named for what it is inside a
// message.
func midway(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
