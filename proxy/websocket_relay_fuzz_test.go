package proxy

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/http/httpguts"

	"github.com/letta-dev/letta-dev/proxy/http1"
)

// A script is a client's connection whose bytes are all known: reading gives them, then nothing more in time; what is written to it is
// kept.
type script struct {
	in   *bytes.Reader
	out  bytes.Buffer
	step int // most bytes of one read
}

func (s *script) Read(p []byte) (int, error) {
	if s.in.Len() == 0 {
		return 0, os.ErrDeadlineExceeded // an end would be a client that left
	}
	return s.in.Read(p[:min(len(p), s.step)])
}

func (s *script) Write(p []byte) (int, error)    { return s.out.Write(p) }
func (*script) Close() error                     { return nil }
func (*script) LocalAddr() net.Addr              { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 8283} }
func (*script) RemoteAddr() net.Addr             { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 1} }
func (*script) SetDeadline(time.Time) error      { return nil }
func (*script) SetReadDeadline(time.Time) error  { return nil }
func (*script) SetWriteDeadline(time.Time) error { return nil }

// play serves a client's bytes and returns what it is answered.
func (p *Proxy) play(wire []byte, step int) string {
	s := &script{in: bytes.NewReader(wire), step: max(step, 1)}
	socket := &conn{Conn: s, listener: &p.config.Listeners[0]}
	c := &clientConn{proxy: p, socket: socket, wire: socket, in: http1.NewReader(socket, p.buffers), out: http1.NewWriter(socket, p.buffers)}
	c.request = request{major: 1, client: s.RemoteAddr().String(), from: "127.0.0.1", local: s.LocalAddr().String(), listener: socket.listener}
	c.serve()
	return s.out.String()
}

func fuzzProxy(t testing.TB, dial func(context.Context) (net.Conn, error), access func(*Access)) *Proxy {
	t.Helper()
	p, err := New(Config{Listeners: make([]Listener, 1), REST: Upstream{Name: "letta", Dial: dial}, Access: access})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// FuzzRelay: what the upstream reads is exactly the requests that were checked, one after the other and nothing between; net/http and
// we read the same ones; and each is one that the policy lets pass. However the bytes come in.
func FuzzRelay(f *testing.F) {
	for _, rows := range [][]row{framingRows(), headRows(), targetRows()} {
		for _, row := range rows {
			if len(row.bytes) < 4<<10 {
				f.Add([]byte(row.bytes+smuggled), 7)
			}
		}
	}
	f.Add([]byte(target("/1")+post("Transfer-Encoding: chunked\r\nTrailer: x\r\n", "1;a=b\r\nx\r\n0\r\nX: y\r\n\r\n")+post("Content-Length: 2\r\nExpect: 100-continue\r\n", "ab")+"GET /2 HTTP/1.0\r\n"+hostLine+"\r\n"), 1)
	f.Add([]byte("OPTIONS /a HTTP/1.1\r\nHost: [::1]:8283\r\nMax-Forwards: 3\r\nConnection: x, close\r\nX: y\r\nVia: 1.0 a\r\n\r\n"+handshakeOf()), 4096)
	f.Fuzz(func(t *testing.T, wire []byte, step int) {
		var passed []Access
		up := startPiped()
		p := fuzzProxy(t, up.dial, func(a *Access) {
			if a.Upstream != "" {
				passed = append(passed, *a)
			}
		})
		p.play(wire, step)
		p.rest.close()
		heard := up.end()
		got := exactly(t, heard)
		want := allowedIn(p, wire)
		if len(got) > len(want) || !slices.Equal(got, want[:len(got)]) {
			t.Fatalf("the upstream read %q of the allowed %q, from %q", got, want, heard)
		}
		if len(passed) < len(got) {
			t.Fatalf("the upstream read %d requests, the records know %d", len(got), len(passed))
		}
	})
}

// allowedIn reads requests as a client's connection does, and returns those that may pass, with their bodies.
func allowedIn(p *Proxy, wire []byte) (all []string) {
	in := http1.NewReader(bytes.NewReader(wire), p.buffers)
	for {
		r := request{major: 1, client: "127.0.0.1:1", from: "127.0.0.1", listener: &p.config.Listeners[0]}
		if in.Request(&r.Request) != nil {
			return all
		}
		body := in.Body(r.Framing)
		var sent strings.Builder
		var err error
		for err == nil {
			var piece []byte
			piece, err = body.Next()
			sent.Write(piece)
		}
		if err != io.EOF {
			return all
		}
		if p.refuse(&r) == nil && !r.isForUs() && (!r.isUpgrade() || checkHandshake(&r) == nil) {
			all = append(all, r.Method+" "+r.Path+" "+r.Host+" "+sent.String())
		}
		if !r.Persistent() {
			return all
		}
	}
}

// exactly splits what the upstream heard into requests, and holds each to what a request of ours must look like. The last may be cut off.
func exactly(t *testing.T, heard []string) (all []string) {
	for _, bytes := range heard {
		theirs := bufio.NewReader(strings.NewReader(bytes))
		ours := http1.NewReader(strings.NewReader(bytes), new(http1.Pool))
		for {
			var r http1.Request
			err := ours.Request(&r)
			if err == io.EOF || err == io.ErrUnexpectedEOF {
				break
			}
			if large := new(http1.Error); errors.As(err, &large) && large.Status == http.StatusRequestHeaderFieldsTooLarge {
				break // the fields that we add come on top of as many as we take
			}
			if err != nil {
				t.Fatalf("the upstream got what we would not take: %v in %q", err, bytes)
			}
			body, whole := readAll(ours.Body(r.Framing))
			request, err := http.ReadRequest(theirs)
			if errors.As(err, new(url.EscapeError)) { // it wants to understand the path, which is the upstream's alone
				break
			}
			if err != nil {
				t.Fatalf("the upstream got what net/http would not take: %v in %q", err, bytes)
			}
			their, err := io.ReadAll(request.Body)
			if (err == nil) != whole || string(their) != body || request.Method != r.Method || request.RequestURI != r.Target {
				t.Fatalf("net/http reads %s %s %q, we %s %s %q in %q", request.Method, request.RequestURI, their, r.Method, r.Target, body, bytes)
			}
			for _, name := range []string{"X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host", "X-Forwarded-Port", "Via", "Host"} {
				if r.Fields.Count(name) != 1 {
					t.Fatalf("%d fields %s in %q", r.Fields.Count(name), name, bytes)
				}
			}
			if r.Fields.Get("X-Forwarded-For") != "127.0.0.1" || r.Minor != 1 {
				t.Fatalf("a forged request: %q", bytes)
			}
			if !whole {
				break
			}
			all = append(all, r.Method+" "+r.Path+" "+r.Host+" "+body)
		}
	}
	return all
}

func readAll(b http1.Body) (string, bool) {
	var all strings.Builder
	for {
		piece, err := b.Next()
		all.Write(piece)
		if err != nil {
			return all.String(), err == io.EOF
		}
	}
}

// A piped upstream records its connections, and answers every whole request.
type piped struct {
	heard []*record
	ends  []net.Conn
	done  []chan struct{}
}

func startPiped() *piped { return new(piped) }

func (up *piped) dial(context.Context) (net.Conn, error) {
	ours, theirs := net.Pipe()
	heard, done := new(record), make(chan struct{})
	up.heard, up.ends, up.done = append(up.heard, heard), append(up.ends, theirs), append(up.done, done)
	go func() {
		defer close(done)
		defer theirs.Close()
		in := bufio.NewReader(io.TeeReader(theirs, heard))
		for {
			r, err := http.ReadRequest(in)
			if err != nil {
				break
			}
			if _, err := io.Copy(io.Discard, r.Body); err != nil {
				break
			}
			if _, err := fmt.Fprint(theirs, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"); err != nil {
				break
			}
		}
	}()
	return ours, nil
}

// end closes the connections and returns what was heard on each.
func (up *piped) end() (all []string) {
	for i, c := range up.ends {
		c.Close()
		<-up.done[i]
		all = append(all, up.heard[i].String())
	}
	return all
}

// FuzzAnswer: whatever an upstream answers, the client reads one answer to its request, or sees that it broke off; and the answer to
// its next request is the next one, from a connection in good order. net/http reads what we read.
func FuzzAnswer(f *testing.F) {
	for _, answer := range []string{
		clean, clean + clean, "HTTP/1.1 204 No Content\r\nContent-Length: 6\r\n\r\npoison", "HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\n" + clean, "HTTP/1.1 200 OK\r\n\r\nto the end",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X\r\n\r\n2;a\r\nab\r\n0\r\nX: y\r\n\r\n", "HTTP/1.0 200 OK\r\nX : 1\r\nContent-Length: 1\r\n\r\na",
		"HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n", "HTTP/1.1 101 Switching Protocols\r\n\r\n", "HTTP/1.1 200 OK\r\nX: a\n b\r\n\r\n",
	} {
		for method := range 3 {
			f.Add([]byte(answer), method)
		}
	}
	f.Fuzz(func(t *testing.T, answer []byte, method int) {
		answer = answer[:min(len(answer), 32<<10)]
		first := []string{"GET", "HEAD", "POST"}[(method%3+3)%3]
		up := answersEnding(t, answer)
		defer up.close()
		p := fuzzProxy(t, up.dial, nil)
		defer p.rest.close()
		said := p.play([]byte(first+" /1 HTTP/1.1\r\n"+hostLine+"\r\n"+target("/2")), 4096)

		replies, err := readReplies(strings.NewReader(said), first, "GET")
		final := slices.DeleteFunc(replies, func(r reply) bool { return r.StatusCode < 200 })
		switch {
		case err != nil && len(final) == 1 && said != "": // broken off, and the connection ended
		case err != nil:
			t.Fatalf("the client cannot read %q: %v", said, err)
		case len(final) != 2:
			t.Fatalf("%d answers in %q", len(final), said)
		case final[1].StatusCode != 200 || final[1].body != "clean":
			t.Fatalf("the second answer is %d %q", final[1].StatusCode, final[1].body)
		}
	})
}

// An endingUpstream is one on a socket of the system: the first connection is answered once, then ended; the others are in good order.
type endingUpstream struct {
	net.Listener
	done chan struct{}
}

func answersEnding(t *testing.T, answer []byte) *endingUpstream {
	t.Helper()
	dir, err := os.MkdirTemp("/tmp", "s") // t.TempDir may be too long a path for a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	l, err := net.Listen("unix", filepath.Join(dir, "s")) // a machine has not ports enough for this
	if err != nil {
		t.Fatal(err)
	}
	up := &endingUpstream{l, make(chan struct{})}
	go func() {
		defer close(up.done)
		for i := 0; ; i++ {
			c, err := l.Accept()
			if err != nil {
				return
			}
			http.ReadRequest(bufio.NewReader(c))
			if i == 0 {
				c.Write(answer)
			} else {
				io.WriteString(c, clean)
			}
			c.Close()
		}
	}()
	return up
}

func (up *endingUpstream) dial(ctx context.Context) (net.Conn, error) {
	return new(net.Dialer).DialContext(ctx, "unix", up.Addr().String())
}

func (up *endingUpstream) close() { up.Close(); <-up.done }

// FuzzStream is FuzzRelay for what net/http's server hands over of HTTP/2, which checks less than its frames may say.
func FuzzStream(f *testing.F) {
	for _, seed := range [][5]string{
		{"GET", "/a?b", "letta.localhost", "x", "y"}, {"POST", "/", "localhost:1", "content-length", "2"}, {"GET / HTTP/1.1", "/", "[::1]", "host", "evil.example"},
		{"GET /x HTTP/1.1", "/", "localhost", "x", "y"}, {"GET", "/ HTTP/1.1", "127.0.0.1", "cookie", "a=b"}, {"OPTIONS", "*", "localhost", "max-forwards", "1"}, {"PUT", "http://evil.example/", "localhost", "trailer", "x"},
		{"POST", "/", "localhost", "transfer_encoding", "chunked"}, {"POST", "/", "localhost", "expect", "200-maybe"}, {"POST", "/", "localhost", "te", "trailers"},
	} {
		f.Add(seed[0], seed[1], seed[2], seed[3], seed[4], "ab", true)
	}
	f.Fuzz(func(t *testing.T, method, path, authority, name, value, body string, sized bool) {
		in := &http.Request{Method: method, RequestURI: path, Host: authority, RemoteAddr: "127.0.0.1:1", ProtoMajor: 2, Header: http.Header{}, ContentLength: -1}
		in.Header.Add("x-before", "1")
		if httpguts.ValidHeaderFieldName(name) && httpguts.ValidHeaderFieldValue(value) { // its framer looks
			in.Header.Add(name, value)
			in.Trailer = http.Header{http.CanonicalHeaderKey(name): {value}}
		}
		if sized {
			in.ContentLength = int64(len(body))
			in.Header.Add("Content-Length", strconv.Itoa(len(body)))
		}
		in.Body = io.NopCloser(strings.NewReader(body))
		up := startPiped()
		p := fuzzProxy(t, up.dial, nil)
		socket := &conn{Conn: &script{in: bytes.NewReader(nil), step: 1}, listener: &p.config.Listeners[0]}
		out := httptest.NewRecorder()
		func() {
			defer func() { // a stream that was reset
				if v := recover(); v != nil && v != http.ErrAbortHandler {
					panic(v)
				}
			}()
			p.serveHTTP2(out, in.WithContext(context.WithValue(t.Context(), connKey{}, socket)))
		}()
		p.rest.close()
		got := exactly(t, up.end())
		want := fmt.Sprintf("%s %s %s %s", method, path, authority, body)
		if len(got) > 1 || len(got) == 1 && (got[0] != want || out.Code != 200) {
			t.Fatalf("the upstream read %q, the client asked %q and got %d", got, want, out.Code)
		}
	})
}
