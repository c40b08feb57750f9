package proxy

import (
	"io"
	"net"
	"syscall"
	"testing"

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

// The lookout tells the two apart on a real connection.
func TestLookoutSeesTheEnd(t *testing.T) {
	l := listenLoopback(t)
	defer l.Close()
	for name, end := range map[string]func(*net.TCPConn){
		"half-closed": func(c *net.TCPConn) { c.CloseWrite() },
		"reset":       func(c *net.TCPConn) { c.SetLinger(0); c.Close() },
	} {
		client, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer client.Close()
		server, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		ended := make(chan error, 1)
		release := (&conn{Conn: server}).watch(func(err error) { ended <- err })
		end(client.(*net.TCPConn))
		if err := <-ended; (err == io.EOF) != (name == "half-closed") {
			t.Errorf("%s: %v", name, err)
		}
		release()
		server.Close()
	}
}
