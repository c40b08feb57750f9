package proxy

import (
	"context"
	"io"
	"net"
	"testing"
)

// A client that leaves takes with it a request whose upstream does not read.
func TestUpstreamThatDoesNotRead(t *testing.T) {
	for name, request := range map[string]string{
		"no body":            get(""),
		"a whole body":       post("Content-Length: 2\r\n", "ab"),
		"a body to come":     post("Content-Length: 2\r\n", ""),
		"a body in chunks":   post("Transfer-Encoding: chunked\r\n", "1\r\na\r\n"),
		"a body to be asked": post("Expect: 100-continue\r\nContent-Length: 2\r\n", ""),
	} {
		t.Run(name, func(t *testing.T) {
			dialed := make(chan net.Conn, 1)
			g := startAt(t, "", func(c *Config) {
				c.REST.Dial = func(context.Context) (net.Conn, error) {
					ours, theirs := net.Pipe() // without buffers: a write waits for its reader
					dialed <- theirs
					return ours, nil
				}
			})
			client := g.raw(t, g.addr, false)
			io.WriteString(client, request)
			defer (<-dialed).Close()
			client.Close()
			if a := g.access(t); a.Status != 499 {
				t.Errorf("%+v", a)
			}
		})
	}
}

// A client that sends more behind its last request still gets the answer: a connection closed over unread bytes is reset
// (RFC 9112, section 9.6).
func TestLastAnswerArrivesBeforeUnreadBytes(t *testing.T) {
	more := make([]byte, 256<<10)
	g := start(t, echo(), nil)
	for _, e := range g.entrances() {
		for name, request := range map[string]string{
			"Connection: close": get("Connection: close\r\n"),
			"HTTP/1.0":          "GET / HTTP/1.0\r\n" + hostLine + "\r\n",
			"refused":           "TRACE / HTTP/1.1\r\n" + hostLine + "\r\n",
		} {
			replies, err := readReplies(e.say(t, request+string(more)))
			if len(replies) != 1 || err != nil {
				t.Errorf("%s, %s: %d answers, then %v", e.name, name, len(replies), err)
			}
		}
	}
}
