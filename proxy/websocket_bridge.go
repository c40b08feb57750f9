package proxy

import (
	"bufio"
	"context"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/letta-dev/letta-dev/proxy/http1"
)

// bridge lets the built-in bridge answer, which is made for net/http. Its context
// ends when the proxy begins to stop.
func (x *exchange) bridge() {
	ctx, cancel := x.upgradeContext()
	defer cancel()
	x.access.Upstream = string(ModeBridge)
	r, err := x.request.netHTTP(ctx, x.target)
	if err != nil {
		x.sendError(malformed(http.StatusBadRequest, "the request target is malformed"))
		return
	}
	w := &bridgeWriter{x: x, header: http.Header{}}
	x.proxy.config.WebSocket.Bridge.ServeHTTP(w, r)
	if x.access.WebSocket {
		if x.proxy.stopping.Err() != nil {
			x.setCause(closedAtStop)
		}
		return
	}
	w.WriteHeader(http.StatusOK)
	if w.err == nil {
		w.err = x.end(nil)
	}
	x.broken = w.err != nil
}

// netHTTP is the request, without its body, for a handler of net/http.
func (r *request) netHTTP(ctx context.Context, target string) (*http.Request, error) {
	u, err := url.ParseRequestURI(target)
	if err != nil {
		return nil, err
	}
	out := &http.Request{
		Method: r.Method, URL: u, RequestURI: target, Host: r.Host, RemoteAddr: r.client,
		Proto: r.protocol(), ProtoMajor: r.major, ProtoMinor: r.Minor, Header: http.Header{}, Body: http.NoBody,
	}
	if r.major == 2 {
		out.ProtoMinor = 0
	}
	for _, f := range r.Fields {
		out.Header.Add(f.Name, f.Value)
	}
	return out.WithContext(ctx), nil
}

// bridgeWriter is the ResponseWriter of a bridge.
type bridgeWriter struct {
	x      *exchange
	header http.Header
	begun  bool
	err    error
}

func (w *bridgeWriter) Header() http.Header { return w.header }

func (w *bridgeWriter) WriteHeader(status int) {
	if w.begun {
		return
	}
	w.begun = true
	head := &http1.Response{Status: status, Reason: http.StatusText(status), Framing: http1.Framing{Kind: http1.ToEnd}}
	if status == http.StatusSwitchingProtocols {
		head.Framing = http1.Framing{}
	}
	for name, values := range w.header {
		for _, value := range values {
			head.Fields = append(head.Fields, http1.Field{Name: name, Value: value})
		}
	}
	w.err = w.x.begin(head)
}

func (w *bridgeWriter) Write(p []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	if w.err == nil && w.x.request.Method != http.MethodHead {
		w.err = w.x.piece(p)
	}
	return len(p), w.err
}

// Hijack hands the connection over for a WebSocket (http.Hijacker). What the
// client sent along with its handshake stays in the reader.
func (w *bridgeWriter) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	if w.x.conn == nil {
		return nil, nil, http.ErrNotSupported
	}
	if err := w.x.out.flush(); err != nil { // the 101, written before
		return nil, nil, err
	}
	c := w.x.take()
	reader := bufio.NewReader(c)
	_, _ = reader.Peek(len(w.x.conn.in.Buffered())) // libraries read on from the connection and take only what is buffered
	return c, bufio.NewReadWriter(reader, bufio.NewWriter(c)), nil
}

// take takes the connection from HTTP for a WebSocket. It stays known to the
// proxy, which counts its bytes and closes it at stop.
func (x *exchange) take() *takenConn {
	x.conn.taken = true
	x.conn.wire.SetReadDeadline(time.Time{}) // of the time before the request
	x.access.WebSocket = true
	if !x.begun() {
		x.access.Status = http.StatusSwitchingProtocols
		x.access.Head = x.proxy.config.Now().Sub(x.start)
	}
	return &takenConn{x.conn.wire, x}
}

// A takenConn is a connection that is a WebSocket's.
type takenConn struct {
	net.Conn
	x *exchange
}

func (c *takenConn) Read(p []byte) (int, error) {
	n, err := c.x.conn.in.Read(p)
	c.x.bytesIn.Add(int64(n))
	return n, err
}

func (c *takenConn) Write(p []byte) (int, error) {
	n, err := c.Conn.Write(p)
	c.x.bytesOut.Add(int64(n))
	return n, err
}

func (c *takenConn) CloseWrite() error { return closeWrite(c.Conn) }
