//go:build unix

package proxy

import (
	"bufio"
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"runtime"
	"testing"
	"time"

	"github.com/letta-dev/letta-dev/proxy/http1"
)

// A socket tells that its other end has left, behind bytes that nobody has read.
func TestSocketIsAsked(t *testing.T) {
	half := func(c net.Conn) { _ = closeWrite(c) }
	closing := http1.Fields{{Name: "Connection", Value: "close"}}
	for name, row := range map[string]struct {
		fields http1.Fields
		end    func(net.Conn)
		left   bool
	}{
		"half-closed":                          {nil, half, true},
		"half-closed behind Connection: close": {closing, half, false},
		"reset":                                {nil, reset, true},
		"reset behind Connection: close":       {closing, reset, true},
	} {
		client, server := quickPair(t)
		x := &exchange{request: &request{Request: http1.Request{Minor: 1, Fields: row.fields}}, conn: &clientConn{socket: &conn{Conn: server}}}
		io.WriteString(client, "unread")
		if x.askSocket(); x.isCut() {
			t.Errorf("%s: it left before that", name)
		}
		row.end(client)
		for begin := time.Now(); sendsNoMore(server) == nil && time.Since(begin) < patience; runtime.Gosched() {
		}
		if x.askSocket(); x.isCut() != row.left {
			t.Errorf("%s: left is %v", name, x.isCut())
		}
	}
}

// A client that leaves takes with it an upload that the upstream does not take.
func TestClientThatLeavesAnUploadThatIsNotTaken(t *testing.T) {
	for name, leave := range map[string]func(net.Conn){"closed": func(c net.Conn) { c.Close() }, "reset": reset} {
		for size, body := range map[string][]byte{"a little": make([]byte, 2), "much": make([]byte, 1<<20)} {
			t.Run(name+"/"+size, func(t *testing.T) {
				if name == "closed" && size == "much" && runtime.GOOS != "linux" {
					t.Skip("its end stands behind bytes to send: only Linux tells")
				}
				dialed := make(chan net.Conn, 1)
				g := startAt(t, "", func(c *Config) {
					c.REST.Dial = func(context.Context) (net.Conn, error) {
						ours, theirs := net.Pipe() // without buffers: a write waits for its reader
						dialed <- theirs
						return ours, nil
					}
				}, func(p *Proxy) { p.limits.bodyIdle = 400 * time.Millisecond })
				for _, e := range g.entrances() {
					client := e.dial(t)
					go client.Write(append([]byte(post("Content-Length: 104857600\r\n", "")), body...))
					upstream := <-dialed
					defer upstream.Close()
					if _, err := http.ReadRequest(bufio.NewReader(upstream)); err != nil {
						t.Fatal(err)
					}
					if secure, ok := client.(*tls.Conn); ok {
						client = secure.NetConn()
					}
					leave(client)
					if a := g.access(t); a.Status != 499 {
						t.Errorf("%s: %+v", e.name, a)
					}
				}
			})
		}
	}
}
