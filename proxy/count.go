package proxy

import (
	"io"
	"net"
)

// requestBody counts what a client sends, and remembers when reading failed on
// the client's side: that is not the upstream's fault.
type requestBody struct {
	io.ReadCloser
	x *exchange
}

func (b *requestBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.x.in.Add(int64(n))
	if err != nil && err != io.EOF {
		b.x.bodyErr.CompareAndSwap(nil, &err)
	}
	return n, err
}

type countedConn struct {
	net.Conn
	x *exchange
}

func (c *countedConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.x.in.Add(int64(n))
	return n, err
}

func (c *countedConn) Write(p []byte) (int, error) {
	n, err := c.Conn.Write(p)
	c.x.out.Add(int64(n))
	return n, err
}

func (c *countedConn) CloseWrite() error { return closeWrite(c.Conn) }

type countedReader struct {
	io.Reader
	x *exchange
}

func (r *countedReader) Read(p []byte) (int, error) {
	n, err := r.Reader.Read(p)
	r.x.in.Add(int64(n))
	return n, err
}
