package proxy

import (
	"io"
	"net"
	"sync"
	"testing"
	"unsafe"

	"github.com/letta-dev/letta-dev/proxy/http1"
)

// TestTapBeginsWithWhatWasReadAhead: first by the reader of heads, then by whoever
// watched whether the client leaves; then come the connection's own bytes. It is
// the connection of an engine, which has no socket.
func TestTapBeginsWithWhatWasReadAhead(t *testing.T) {
	here, there := net.Pipe()
	go func() {
		io.WriteString(there, "GET / HTTP/1.1\r\nHost: a\r\n\r\none ")
		io.WriteString(there, "three")
		there.Close()
	}()
	socket := &conn{Conn: here}
	buffers := new(http1.Pool)
	p := &Proxy{buffers: buffers, bodies: &sync.Pool{New: func() any { b := make([]byte, 32); return &b }}}
	c := &clientConn{proxy: p, socket: socket, wire: socket, in: http1.NewReader(socket, buffers)}
	if err := c.in.Request(&c.request.Request); err != nil {
		t.Fatal(err)
	}
	socket.ahead = []byte("two ")
	tap := idleClient(c)
	got := ""
	for {
		piece, err := tap.take()
		if got += string(piece); err == io.EOF {
			break
		}
		if err == error(errDry) {
			err = tap.wait()
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if tap.release(); got != "one two three" || tap.wire != nil || tap.plain != nil {
		t.Errorf("%q, and %+v is left", got, tap)
	}
}

// TestWebSocketHoldsNoHead: a text cut from the head would keep all of it, for days.
func TestWebSocketHoldsNoHead(t *testing.T) {
	here, there := net.Pipe()
	defer here.Close()
	defer there.Close()
	buffers := new(http1.Pool)
	socket := &conn{Conn: here}
	c := &clientConn{proxy: &Proxy{}, socket: socket, wire: socket, in: http1.NewReader(socket, buffers)}
	up := &upstreamConn{Conn: there, in: http1.NewReader(there, buffers)}
	host := "localhost"
	w := newWebSocket(c, up, Access{Host: host})
	if got := w.access.Host; got != host || unsafe.StringData(got) == unsafe.StringData(host) {
		t.Errorf("%q is the head's own", got)
	}
}
