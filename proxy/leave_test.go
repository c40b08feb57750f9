package proxy

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/letta-dev/letta-dev/proxy/http1"
)

// A client that does not read what informs it does not hold up the stop.
func TestStopWhileAClientIsInformed(t *testing.T) {
	wire, client := net.Pipe()
	defer client.Close()
	pool := new(http1.Pool)
	c := &clientConn{socket: &conn{Conn: wire}, wire: wire, out: http1.NewWriter(wire, pool), in: http1.NewReader(wire, pool)}
	c.request.Minor = 1
	informed, stopped := make(chan bool), make(chan bool)
	go func() { defer close(informed); c.inform(http.StatusEarlyHints, nil) }()
	if _, err := io.ReadFull(client, make([]byte, 1)); err != nil { // and no more: it is in the middle of it
		t.Fatal(err)
	}
	go func() { defer close(stopped); c.stop(); c.cut() }()
	select {
	case <-stopped:
	case <-time.After(patience):
		t.Fatal("the stop waits for the client")
	}
	<-informed
}

// A client that leaves while the upstream thinks about its handshake takes the connection to the upstream with it.
func TestClientThatLeavesDuringTheHandshake(t *testing.T) {
	for name, says := range map[string]string{"before the answer": "", "in its body": "HTTP/1.1 403 Forbidden\r\nContent-Length: 5\r\n\r\nno"} {
		t.Run(name, func(t *testing.T) {
			upstream := listenLoopback(t)
			defer upstream.Close()
			g := startAt(t, upstream.Addr().String(), nil)
			client := g.raw(t, g.addr, false)
			io.WriteString(client, handshakeOf())
			server, err := upstream.Accept()
			if err != nil {
				t.Fatal(err)
			}
			defer server.Close()
			server.SetReadDeadline(time.Now().Add(patience))
			in := bufio.NewReader(server)
			if _, err := http.ReadRequest(in); err != nil {
				t.Fatal(err)
			}
			io.WriteString(server, says)
			client.Close()
			if _, err := in.ReadByte(); isTimeout(err) || err == nil {
				t.Errorf("the upstream's connection stays: %v", err)
			}
		})
	}
}

// A client that leaves during one way of its WebSocket does not set out on the next.
func TestClientThatLeavesBetweenTwoWays(t *testing.T) {
	upstream := listenLoopback(t)
	defer upstream.Close()
	g := start(t, echo(), func(c *Config) {
		c.WebSocket.PassThrough = &Upstream{Name: "pass", Dial: dialer(upstream.Addr().String())}
		c.WebSocket.Bridge = echo()
	})
	client := g.raw(t, g.wsAddr, false)
	io.WriteString(client, handshakeOf())
	server, err := upstream.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	if _, err := http.ReadRequest(bufio.NewReader(server)); err != nil {
		t.Fatal(err)
	}
	client.Close()
	if a := g.access(t); a.Status != 499 || a.Upstream != "pass" {
		t.Errorf("%+v", a)
	}
}

// OPTIONS * is for the names of the proxy too, in every version.
func TestServerWideOptionsAreForOurNames(t *testing.T) {
	g := start(t, echo(), nil)
	g.each(t, func(t *testing.T, w wire) {
		for host, want := range map[string]int{"localhost": 204, "evil.example": 404} {
			r := w.request(t, "OPTIONS", "", nil, "Host: "+host)
			r.URL.Path = "*"
			res, err := w.client.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			res.Body.Close()
			if res.StatusCode != want {
				t.Errorf("%s: %d, want %d", host, res.StatusCode, want)
			}
		}
	})
}

// HEAD has the head of what a bridge explains, and no body.
func TestHeadOfTheBridge(t *testing.T) {
	g := start(t, echo(), func(c *Config) {
		c.WebSocket.Bridge = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusUpgradeRequired)
			io.WriteString(w, "speak WebSocket")
		})
	})
	for _, w := range g.wires(g.wsAddr) {
		if res, body := w.do(t, "HEAD", "/", nil); res.StatusCode != 426 || body != "" {
			t.Errorf("%s: %d %q", w.name, res.StatusCode, body)
		}
		if a := g.access(t); a.Status != 426 || a.Cause != "" {
			t.Errorf("%s: %+v", w.name, a)
		}
	}
}
