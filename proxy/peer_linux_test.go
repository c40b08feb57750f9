package proxy

import (
	"encoding/binary"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"
)

func TestAbandoned(t *testing.T) {
	for _, where := range []string{"127.0.0.1:0", "[::1]:0", "[::]:0"} { // the last one takes IPv4 too
		l, err := net.Listen("tcp", where)
		if err != nil {
			t.Skip(err)
		}
		defer l.Close()
		address := l.Addr().String()
		if where == "[::]:0" {
			address = strings.Replace(address, "[::]", "127.0.0.1", 1)
		}
		for name, row := range map[string]struct {
			end  func(*net.TCPConn) error
			want bool
		}{
			"half-closed": {(*net.TCPConn).CloseWrite, false},
			"closed":      {(*net.TCPConn).Close, true},
		} {
			client, err := net.Dial("tcp", address)
			if err != nil {
				t.Fatal(err)
			}
			defer client.Close()
			server, err := l.Accept()
			if err != nil {
				t.Fatal(err)
			}
			defer server.Close()
			if abandoned(server) {
				t.Errorf("%s: an open client is abandoned", where)
			}
			row.end(client.(*net.TCPConn))
			if _, err := server.Read(make([]byte, 1)); err != io.EOF {
				t.Fatal(err)
			}
			if got := abandoned(server); got != row.want {
				t.Errorf("%s, %s: abandoned is %v", where, name, got)
			}
		}
	}
	wire, client := net.Pipe()
	if client.Close(); abandoned(wire) {
		t.Error("nobody knows of a pipe")
	}
}

func TestEndsOfAConnection(t *testing.T) {
	const table = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:205B 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 111 1 0 100 0 0 10 0
   1: 0100007F:205B 0100007F:9999 08 00000000:00000000 00:00000000 00000000     0        0 222 1 0 100 0 0 10 0
   2: 0100007F:9999 0100007F:205B 05 00000000:00000000 00:00000000 00000000     0        0 0 1 0 100 0 0 10 0
   3: 0100007F:9999 0100007F:205C 05 00000000:00000000 00:00000000 00000000     0        0 333 1 0 100 0 0 10 0
   4: garbage
`
	if binary.NativeEndian.Uint16([]byte{1, 0}) != 1 {
		t.Skip("the table above is of a little-endian machine")
	}
	ours, theirs := netip.MustParseAddrPort("127.0.0.1:8283"), netip.MustParseAddrPort("127.0.0.1:39321")
	held := map[netip.AddrPort]bool{}
	ends(strings.NewReader(table), ours, theirs, held)
	if their, known := held[theirs]; len(held) != 2 || !held[ours] || their || !known {
		t.Errorf("%v", held)
	}
}

// TestClientThatLeavesBehindItsLastRequest: an agent does not go on for it. Python's urllib asks for the end of every connection.
func TestClientThatLeavesBehindItsLastRequest(t *testing.T) {
	entered, left := make(chan bool), make(chan bool, 1)
	g := start(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		entered <- true
		<-r.Context().Done()
		left <- true
	}), nil)
	for name, request := range map[string]string{
		"Connection: close": get("Connection: close\r\n"),
		"HTTP/1.0":          "GET / HTTP/1.0\r\n" + hostLine + "\r\n",
		"with a body":       post("Connection: close\r\nContent-Length: 2\r\n", "ab"),
	} {
		for _, e := range g.entrances() {
			c := e.say(t, request)
			<-entered
			c.Close()
			select {
			case <-left:
			case <-time.After(patience):
				t.Fatalf("%s, %s: the upstream goes on", e.name, name)
			}
			if a := g.access(t); a.Status != 499 {
				t.Errorf("%s, %s: access %+v", e.name, name, a)
			}
		}
	}
}
