package proxy

import (
	"bufio"
	"compress/gzip"
	"sync"
	"sync/atomic"
)

// A gzipWriter compresses the body of one answer.
type gzipWriter struct {
	x     *exchange
	zip   *gzip.Writer
	out   *bufio.Writer // what is compressed comes in drops
	fresh bool          // something was written since the last flush
}

// gzipWriters are lent to answers, and come back at their end.
type gzipWriters struct {
	pool sync.Pool
	lent atomic.Int32
}

// maxPackers bounds those that are lent: each holds 724 KiB for as long as its client takes.
const maxPackers = 32

// get returns nil where there are enough already: the answer goes as it comes.
func (ps *gzipWriters) get(x *exchange) *gzipWriter {
	if ps.lent.Add(1) > maxPackers {
		ps.lent.Add(-1)
		return nil
	}
	p, ok := ps.pool.Get().(*gzipWriter)
	if !ok {
		p = &gzipWriter{}
		p.out = bufio.NewWriterSize(nil, 8<<10)
		p.zip, _ = gzip.NewWriterLevel(p.out, gzip.BestSpeed) // the level is one
	}
	p.x, p.fresh = x, false
	p.out.Reset(pieces{p})
	p.zip.Reset(p.out)
	return p
}

// put is for one that was lent, or nil.
func (ps *gzipWriters) put(p *gzipWriter) {
	if p != nil {
		p.x = nil
		ps.pool.Put(p)
		ps.lent.Add(-1)
	}
}

// pieces are what a gzipWriter gives to its client.
type pieces struct{ *gzipWriter }

func (p pieces) Write(b []byte) (int, error) { return len(b), p.x.piece(b) }

func (p *gzipWriter) write(b []byte) error {
	p.fresh = true
	_, err := p.zip.Write(b)
	return err
}

// flush gives the client all that has come from the upstream: it may be a while until there is more.
func (p *gzipWriter) flush() error {
	if !p.fresh {
		return nil
	}
	p.fresh = false
	if err := p.zip.Flush(); err != nil {
		return err
	}
	return p.out.Flush()
}

func (p *gzipWriter) close() error {
	if err := p.zip.Close(); err != nil {
		return err
	}
	return p.out.Flush()
}
