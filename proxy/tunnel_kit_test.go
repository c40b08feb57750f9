package proxy

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
)

const handshakeKey = "dGhlIHNhbXBsZSBub25jZQ==" // RFC 6455, section 1.3
const handshakeAccept = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="

// handshakeOf writes a handshake; a field given replaces the one of its name, and
// removes it when it has no value.
func handshakeOf(fields ...string) string {
	order := []string{"Host", "Connection", "Upgrade", "Sec-WebSocket-Version", "Sec-WebSocket-Key"}
	values := map[string]string{
		"Host": "letta.localhost", "Connection": "keep-alive, Upgrade", "Upgrade": "websocket",
		"Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": handshakeKey,
	}
	for _, field := range fields {
		name, value, _ := strings.Cut(field, ": ")
		if _, known := values[name]; !known {
			order = append(order, name)
		}
		values[name] = value
	}
	var b strings.Builder
	b.WriteString("GET /ws?a=1;b HTTP/1.1\r\n")
	for _, name := range order {
		if values[name] != "" {
			b.WriteString(name + ": " + values[name] + "\r\n")
		}
	}
	return b.String() + "\r\n"
}

// socket is a connection after its handshake, with what was read ahead.
type socket struct {
	net.Conn
	r *bufio.Reader
}

func (g *rig) upgrade(t *testing.T, addr string, encrypted bool, fields ...string) (*http.Response, *socket) {
	t.Helper()
	return g.upgradeWith(t, addr, encrypted, handshakeOf(fields...))
}

func (g *rig) upgradeWith(t *testing.T, addr string, encrypted bool, bytes string) (*http.Response, *socket) {
	t.Helper()
	s := &socket{Conn: g.raw(t, addr, encrypted)}
	if _, err := io.WriteString(s, bytes); err != nil {
		t.Fatal(err)
	}
	s.r = bufio.NewReader(s.Conn)
	res, err := http.ReadResponse(s.r, &http.Request{Method: "GET"})
	if err != nil {
		t.Fatal(err)
	}
	return res, s
}

// wsServer is an upstream on a raw socket: it answers each handshake with what
// serve writes. It sees the bytes, so nothing a library does is in the way.
type wsServer struct {
	addr     string
	requests chan *http.Request
}

const switching = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: " + handshakeAccept + "\r\n\r\n"

func startWS(t *testing.T, serve func(net.Conn, *bufio.Reader)) *wsServer {
	t.Helper()
	return startWSOn(t, listenLoopback(t), serve)
}

func startWSOn(t *testing.T, l net.Listener, serve func(net.Conn, *bufio.Reader)) *wsServer {
	t.Helper()
	s := &wsServer{addr: l.Addr().String(), requests: make(chan *http.Request, 100)}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				r := bufio.NewReader(c)
				if req, err := http.ReadRequest(r); err == nil {
					s.requests <- req
					serve(c, r)
				}
			}()
		}
	}()
	t.Cleanup(func() { l.Close(); <-done })
	return s
}

// echoBytes switches, then returns every byte until the client ends its side.
func echoBytes(c net.Conn, r *bufio.Reader) {
	io.WriteString(c, switching)
	io.Copy(c, r)
}
