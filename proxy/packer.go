package proxy

import (
	"bufio"
	"compress/gzip"
	"sync"
	"sync/atomic"
)

// A packer compresses the body of one answer.
type packer struct {
	x     *exchange
	zip   *gzip.Writer
	out   *bufio.Writer // what is compressed comes in drops
	fresh bool          // something was written since the last flush
}

// packers are lent to answers, and come back at their end.
type packers struct {
	pool sync.Pool
	lent atomic.Int32
}

// maxPackers bounds those that are lent: each holds 724 KiB for as long as its client takes.
const maxPackers = 32

// lend returns nil where there are enough already: the answer goes as it comes.
func (ps *packers) lend(x *exchange) *packer {
	if ps.lent.Add(1) > maxPackers {
		ps.lent.Add(-1)
		return nil
	}
	p, ok := ps.pool.Get().(*packer)
	if !ok {
		p = &packer{}
		p.out = bufio.NewWriterSize(nil, 8<<10)
		p.zip, _ = gzip.NewWriterLevel(p.out, gzip.BestSpeed) // the level is one
	}
	p.x, p.fresh = x, false
	p.out.Reset(pieces{p})
	p.zip.Reset(p.out)
	return p
}

// takeBack is for one that was lent, or nil.
func (ps *packers) takeBack(p *packer) {
	if p != nil {
		p.x = nil
		ps.pool.Put(p)
		ps.lent.Add(-1)
	}
}

// pieces are what a packer gives to its client.
type pieces struct{ *packer }

func (p pieces) Write(b []byte) (int, error) { return len(b), p.x.piece(b) }

func (p *packer) write(b []byte) error {
	p.fresh = true
	_, err := p.zip.Write(b)
	return err
}

// flush gives the client all that has come from the upstream: it may be a while until there is more.
func (p *packer) flush() error {
	if !p.fresh {
		return nil
	}
	p.fresh = false
	if err := p.zip.Flush(); err != nil {
		return err
	}
	return p.out.Flush()
}

func (p *packer) close() error {
	if err := p.zip.Close(); err != nil {
		return err
	}
	return p.out.Flush()
}
