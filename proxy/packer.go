package proxy

import (
	"bufio"
	"compress/gzip"
	"sync"
)

// A packer compresses the body of one answer.
type packer struct {
	x     *exchange
	zip   *gzip.Writer
	out   *bufio.Writer // what is compressed comes in drops
	fresh bool          // something was written since the last flush
	pool  *sync.Pool
}

func newPackers() *sync.Pool {
	return &sync.Pool{New: func() any {
		p := &packer{}
		p.out = bufio.NewWriterSize(pieces{p}, 8<<10)
		p.zip, _ = gzip.NewWriterLevel(p.out, gzip.BestSpeed) // the level is one
		return p
	}}
}

// packer takes one from the pool; it goes back at the end of its answer.
func (p *Proxy) packer(x *exchange) *packer {
	pk := p.packers.Get().(*packer)
	pk.x, pk.pool, pk.fresh = x, p.packers, false
	pk.out.Reset(pieces{pk})
	pk.zip.Reset(pk.out)
	return pk
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
	err := p.out.Flush()
	p.x = nil
	p.pool.Put(p)
	return err
}
