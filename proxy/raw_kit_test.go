package proxy

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
)

// A rawUpstream is a server on a raw socket: it keeps every byte that reached it, and what it answers is written by the test. Nothing
// a library does is in the way.
type rawUpstream struct {
	addr string

	mu    sync.Mutex
	conns []*rawConn
}

// A rawConn is one connection to a rawUpstream.
type rawConn struct {
	net.Conn
	index int // of the connection, from 0
	in    *bufio.Reader
	heard *record
}

// A record keeps what is written to it.
type record struct {
	mu    sync.Mutex
	bytes bytes.Buffer
}

func (r *record) Write(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.bytes.Write(p)
}

func (r *record) String() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.bytes.String()
}

// startRaw has serve answer each connection, which is closed behind it.
func startRaw(t testing.TB, serve func(c *rawConn)) *rawUpstream {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	up := &rawUpstream{addr: l.Addr().String()}
	var running sync.WaitGroup
	running.Go(func() {
		for {
			socket, err := l.Accept()
			if err != nil {
				return
			}
			c := up.accepted(socket)
			running.Go(func() { defer c.Close(); serve(c) })
		}
	})
	t.Cleanup(func() { l.Close(); up.hangUp(); running.Wait() })
	return up
}

func (up *rawUpstream) accepted(socket net.Conn) *rawConn {
	up.mu.Lock()
	defer up.mu.Unlock()
	c := &rawConn{Conn: socket, index: len(up.conns), heard: new(record)}
	c.in = bufio.NewReader(io.TeeReader(socket, c.heard))
	up.conns = append(up.conns, c)
	return c
}

// hangUp closes all connections.
func (up *rawUpstream) hangUp() {
	up.mu.Lock()
	defer up.mu.Unlock()
	for _, c := range up.conns {
		c.Close()
	}
}

// heard returns the bytes that reached each connection.
func (up *rawUpstream) heard() []string {
	up.mu.Lock()
	defer up.mu.Unlock()
	var all []string
	for _, c := range up.conns {
		all = append(all, c.heard.String())
	}
	return all
}

// startRecorder starts an upstream that answers every whole request, as another parser than ours reads it, with "ok".
func startRecorder(t testing.TB) *rawUpstream {
	t.Helper()
	return startRaw(t, func(c *rawConn) {
		for {
			r, err := http.ReadRequest(c.in)
			if err != nil {
				return
			}
			if _, err := io.Copy(io.Discard, r.Body); err != nil {
				return
			}
			body := "ok"
			if r.Method == "HEAD" {
				body = ""
			}
			io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n"+body)
		}
	})
}

// requestsIn splits bytes into the requests that net/http takes for whole, each as "METHOD target body".
func requestsIn(heard ...string) (whole []string) {
	for _, bytes := range heard {
		r := bufio.NewReader(strings.NewReader(bytes))
		for {
			request, err := http.ReadRequest(r)
			if err != nil {
				break
			}
			body, err := io.ReadAll(request.Body)
			if err != nil {
				break
			}
			whole = append(whole, fmt.Sprintf("%s %s %s", request.Method, request.RequestURI, body))
		}
	}
	return whole
}

// An entrance is a way for raw bytes to reach the proxy.
type entrance struct {
	name   string
	listen string // address
	secure bool
	g      *rig
}

func (g *rig) entrances() []entrance {
	return []entrance{{"http1", g.addr, false, g}, {"https1", g.addr, true, g}}
}

// allEntrances includes the WebSocket listener: what is refused is refused there too.
func (g *rig) allEntrances() []entrance {
	return append(g.entrances(), entrance{"http1, 8282", g.wsAddr, false, g}, entrance{"https1, 8282", g.wsAddr, true, g})
}

// dial opens a connection.
func (e entrance) dial(t *testing.T) net.Conn { return e.g.raw(t, e.listen, e.secure) }

// say writes bytes on a connection of its own.
func (e entrance) say(t *testing.T, bytes string) net.Conn {
	t.Helper()
	c := e.dial(t)
	if _, err := io.WriteString(c, bytes); err != nil {
		t.Fatal(err)
	}
	return c
}

// converse writes what a client would pipeline, and returns the answers until the proxy closes.
func (e entrance) converse(t *testing.T, bytes string) []reply {
	t.Helper()
	method, _, _ := strings.Cut(strings.TrimLeft(bytes, "\r\n"), " ")
	replies, err := readReplies(e.say(t, bytes), method)
	if err != nil {
		t.Errorf("after %d answers: %v", len(replies), err)
	}
	return replies
}

// A reply is an answer as a client read it.
type reply struct {
	*http.Response
	body string
}

// readReplies reads answers until the connection ends. The first ones are to methods, others to GET.
func readReplies(c io.Reader, methods ...string) (all []reply, err error) {
	r := bufio.NewReader(c)
	for {
		if _, err := r.Peek(1); err == io.EOF {
			return all, nil
		}
		method := "GET"
		if len(methods) > 0 {
			method = methods[0]
		}
		res, err := http.ReadResponse(r, &http.Request{Method: method})
		if err != nil {
			return all, err
		}
		body, err := io.ReadAll(res.Body)
		all = append(all, reply{res, string(body)})
		if err != nil {
			return all, err
		}
		if res.StatusCode >= 200 && len(methods) > 0 {
			methods = methods[1:]
		}
	}
}

func statuses(replies []reply) []int {
	var all []int
	for _, r := range replies {
		all = append(all, r.StatusCode)
	}
	return all
}

// theirs removes from a forwarded head the lines that the proxy adds, and sorts the fields by their names, so that a test names what
// the client caused.
func theirs(heard string) string {
	head, body, _ := strings.Cut(heard, "\r\n\r\n")
	first, rest, _ := strings.Cut(head, "\r\n")
	lines := slices.DeleteFunc(strings.Split(rest, "\r\n"), func(line string) bool {
		return strings.HasPrefix(line, "X-Forwarded-") || strings.HasPrefix(line, "Via: ")
	})
	slices.SortStableFunc(lines, func(a, b string) int {
		nameA, _, _ := strings.Cut(a, ":")
		nameB, _, _ := strings.Cut(b, ":")
		return strings.Compare(nameA, nameB)
	})
	return strings.Join(append([]string{first}, lines...), "\r\n") + "\r\n\r\n" + body
}
