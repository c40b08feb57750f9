package proxy

import (
	"io"
	"net"
	"syscall"
	"testing"
	"time"

	"github.com/letta-dev/letta-dev/proxy/http1"
)

// A client that asked for the end of the connection may end its own direction first, as `nc -N` does. Others have left.
func TestEndOfWhatAClientSends(t *testing.T) {
	closing := http1.Fields{{Name: "Connection", Value: "close"}}
	for name, c := range map[string]struct {
		minor  int
		fields http1.Fields
		err    error
		left   bool
	}{
		"half-closed behind Connection: close": {1, closing, io.EOF, false},
		"half-closed in HTTP/1.0":              {0, nil, io.EOF, false},
		"closed where it meant to go on":       {1, nil, io.EOF, true},
		"reset":                                {1, closing, syscall.ECONNRESET, true},
	} {
		wire, _ := net.Pipe()
		x := &exchange{request: &request{Request: http1.Request{Minor: c.minor, Fields: c.fields}}, conn: &clientConn{socket: &conn{Conn: wire}}}
		x.readEnded(c.err)
		if x.isCut() != c.left {
			t.Errorf("%s: left is %v", name, x.isCut())
		}
	}
}

// The watch sees both ends on a real connection, and nothing behind its stop.
func TestLookoutSeesTheEnd(t *testing.T) {
	looking := func(t *testing.T) (client net.Conn, x *exchange) {
		client, server := quickPair(t)
		c := &clientConn{socket: &conn{Conn: server}}
		return client, &exchange{request: &request{Request: http1.Request{Minor: 1}}, conn: c}
	}
	for name, end := range map[string]func(net.Conn){
		"half-closed": func(c net.Conn) { _ = closeWrite(c) },
		"reset":       reset,
	} {
		client, x := looking(t)
		left := make(chan struct{})
		x.setCloser(closer(func() { close(left) }))
		x.watch()
		end(client)
		select {
		case <-left:
		case <-time.After(patience):
			t.Errorf("%s: not seen", name)
		}
		x.unwatch()
	}
	client, x := looking(t)
	x.watch()
	x.conn.watch.look()
	x.unwatch()
	reset(client)
	if _, err := x.conn.socket.Read(make([]byte, 1)); !isReset(err) || x.isCut() {
		t.Errorf("behind the stop: %v, cut is %v", err, x.isCut())
	}
}
