package proxy

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/letta-dev/letta-dev/proxy/http1"
)

// closesOn starts an upstream that reads a request and ends the connection instead of answering it, where ends says so for a request
// of a connection. All others get "clean".
func closesOn(t *testing.T, ends func(conn, request int) (with string, end bool)) *rawUpstream {
	return startRaw(t, func(c *rawConn) {
		for i := 0; ; i++ {
			r, err := http.ReadRequest(c.in)
			if err != nil {
				return
			}
			io.Copy(io.Discard, r.Body)
			if with, end := ends(c.index, i); end {
				if with == "reset" {
					c.Conn.(*net.TCPConn).SetLinger(0)
				} else {
					io.WriteString(c, with)
				}
				return
			}
			io.WriteString(c, clean)
		}
	})
}

// TestServerClosesWhenTheRequestComes: the connection rested, and the server ends it at the very moment. What is idempotent is sent
// once more, on a new connection; nothing else ever is.
func TestServerClosesWhenTheRequestComes(t *testing.T) {
	for _, with := range []string{"", "reset"} {
		for _, row := range []struct {
			method, body string
			want         int
		}{
			{"GET", "", 200}, {"HEAD", "", 200}, {"OPTIONS", "", 200}, {"PUT", "", 200}, {"DELETE", "", 200},
			{"POST", "", 502}, {"PATCH", "", 502}, {"POST", "ab", 502}, {"PUT", "ab", 502}, {"BREW", "", 502},
		} {
			t.Run(row.method+row.body+with, func(t *testing.T) {
				for i := range 3 {
					up := closesOn(t, func(conn, request int) (string, bool) { return with, conn == 0 && request == 1 })
					g := startAt(t, up.addr, nil)
					w := g.wires(g.addr)[i]
					w.do(t, "GET", "/first", nil)
					g.access(t)
					var body io.Reader
					if row.body != "" {
						body = strings.NewReader(row.body)
					}
					if res, _ := w.do(t, row.method, "/second", body); res.StatusCode != row.want {
						t.Errorf("%s: %d, want %d", w.name, res.StatusCode, row.want)
					}
					if a := g.access(t); (a.Cause == "") != (row.want == 200) {
						t.Errorf("%s: access %+v", w.name, a)
					}
					sent := strings.Count(strings.Join(up.heard(), ""), row.method+" /second ")
					if want := map[int]int{200: 2, 502: 1}[row.want]; sent != want {
						t.Errorf("%s: sent %d times, want %d", w.name, sent, want)
					}
				}
			})
		}
	}
}

// TestSentOnceMoreIsOnce: a server that ends new connections without a word is broken, and is told about it.
func TestSentOnceMoreIsOnce(t *testing.T) {
	up := closesOn(t, func(conn, request int) (string, bool) { return "", conn > 0 || request > 0 })
	g := startAt(t, up.addr, nil)
	w := g.wires(g.addr)[0]
	w.do(t, "GET", "/first", nil)
	for i, want := range []int{2, 3} { // the rested connection and a new one; then a new one alone
		if res, _ := w.do(t, "GET", "/", nil); res.StatusCode != 502 {
			t.Errorf("request %d: status %d", i, res.StatusCode)
		}
		if n := len(up.heard()); n != want {
			t.Errorf("request %d: %d connections, want %d", i, n, want)
		}
	}
}

// TestHalfAnAnswerIsNotAskedForAgain: the server has acted on the request.
func TestHalfAnAnswerIsNotAskedForAgain(t *testing.T) {
	for _, half := range []string{"H", "HTTP/1.1 200 OK\r\nContent-", "HTTP/1.1 103 Early Hints\r\n\r\n"} {
		up := closesOn(t, func(conn, request int) (string, bool) { return half, request == 1 })
		g := startAt(t, up.addr, nil)
		w := g.wires(g.addr)[0]
		w.do(t, "GET", "/first", nil)
		if res, _ := w.do(t, "GET", "/second", nil); res.StatusCode != 502 || len(up.heard()) != 1 {
			t.Errorf("%q: %d, %d connections", half, res.StatusCode, len(up.heard()))
		}
	}
}

// TestServerThatClosesAtRest is no reason for a 502, whatever the method: the end is seen before the connection is used.
func TestServerThatClosesAtRest(t *testing.T) {
	rests, ended := make(chan struct{}), make(chan struct{})
	up := startRaw(t, func(c *rawConn) {
		if _, err := http.ReadRequest(c.in); err != nil {
			return
		}
		io.WriteString(c, clean)
		<-rests
		c.Close()
		ended <- struct{}{}
	})
	g := startAt(t, up.addr, nil)
	w := g.wires(g.addr)[0]
	for range 5 {
		if res, _ := w.do(t, "POST", "/", strings.NewReader("{}")); res.StatusCode != 200 {
			t.Errorf("status %d", res.StatusCode)
		}
		g.access(t)
		rests <- struct{}{}
		<-ended
	}
}

// TestRestIsShorterThanUvicorns: Letta closes after 5 s at rest (uvicorn's timeout_keep_alive), and we never use a connection about then.
func TestRestIsShorterThanUvicorns(t *testing.T) {
	if maxRest > 4*time.Second {
		t.Errorf("connections rest for %v", maxRest)
	}
	l := listenLoopback(t)
	defer l.Close()
	b := (&Proxy{buffers: new(http1.Pool)}).newBackend(&Upstream{Dial: dialer(l.Addr().String())})
	defer b.close()
	for _, rested := range []time.Duration{0, maxRest + time.Millisecond} {
		up, err := b.open(t.Context(), patience)
		if err != nil {
			t.Fatal(err)
		}
		defer up.Close()
		b.keep(up)
		b.mu.Lock()
		b.idle[0].since = b.idle[0].since.Add(-rested)
		b.mu.Unlock()
		if up := b.take(); (up != nil) != (rested == 0) {
			t.Errorf("after %v at rest: %v", rested, up)
		}
	}
	b.sweepIdle()
	if len(b.idle) != 0 {
		t.Error("a connection that rested too long is still there")
	}
}

// What cannot be asked whether it is silent, as TLS and an engine's stream cannot, is not used again.
func TestRestOfWhatCannotBeAsked(t *testing.T) {
	theirs, ours := net.Pipe()
	defer theirs.Close()
	b := (&Proxy{buffers: new(http1.Pool)}).newBackend(&Upstream{Dial: func(context.Context) (net.Conn, error) { return ours, nil }})
	up, err := b.open(t.Context(), patience)
	if err != nil {
		t.Fatal(err)
	}
	b.keep(up)
	if b.take() != nil {
		t.Error("it is kept")
	}
	if _, err := theirs.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("it is not closed: %v", err)
	}
}

// A connection at rest holds nothing of the messages it carried: a field is cut from its head, which may be of 64 KiB.
func TestRestHoldsNoHead(t *testing.T) {
	l := listenLoopback(t)
	defer l.Close()
	b := (&Proxy{buffers: new(http1.Pool)}).newBackend(&Upstream{Dial: dialer(l.Addr().String())})
	defer b.close()
	up, err := b.open(t.Context(), patience)
	if err != nil {
		t.Fatal(err)
	}
	lists := []*http1.Fields{&up.fields, &up.answer.Fields, &up.passed.Fields}
	for _, fields := range lists {
		*fields = http1.Fields{{Name: "Name", Value: "value"}}
	}
	b.keep(up)
	for i, fields := range lists {
		if (*fields)[0] != (http1.Field{}) {
			t.Errorf("list %d: %v", i, *fields)
		}
	}
}

// TestServerThatLeavesDuringAnUpload is what broke it, not the client whose body was still to come.
func TestServerThatLeavesDuringAnUpload(t *testing.T) {
	up := startRaw(t, func(c *rawConn) { http.ReadRequest(c.in) })
	g := startAt(t, up.addr, nil)
	for _, e := range g.entrances() {
		if got := statuses(e.converse(t, post("Content-Length: 200\r\n", "ab"))); len(got) != 1 || got[0] != 502 {
			t.Errorf("%s: answered %d", e.name, got)
		}
	}
	f := g.frames(t)
	f.head(1, false, pseudo("POST", "/", "content-length: 200")...)
	f.WriteData(1, false, []byte("ab"))
	if got := f.outcome(1); got != "502" {
		t.Errorf("https2: answered %s", got)
	}
}

// TestAnswerBeforeTheBodyIsTaken: the client's body is here, and the server has answered without its last byte. The client's connection
// goes on, the server's does not.
func TestAnswerBeforeTheBodyIsTaken(t *testing.T) {
	const size = 200 << 10
	serve := func(c net.Conn, dialed int32) {
		defer c.Close()
		r, err := http.ReadRequest(bufio.NewReaderSize(c, 16)) // reads no further than it must
		if err != nil {
			return
		}
		if dialed > 1 {
			io.WriteString(c, clean)
			return
		}
		io.CopyN(io.Discard, r.Body, size-17)
		io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nearly")
		<-t.Context().Done()
	}
	for i := range 3 {
		var dials atomic.Int32
		g := startAt(t, "", func(c *Config) {
			c.REST.Dial = func(context.Context) (net.Conn, error) {
				ours, theirs := net.Pipe() // which takes nothing before it is read
				go serve(theirs, dials.Add(1))
				return ours, nil
			}
		})
		w := g.wires(g.addr)[i]
		res, body := w.do(t, "POST", "/", strings.NewReader(strings.Repeat("x", size)))
		if res.StatusCode != 200 || body != "early" {
			t.Errorf("%s: %d %q", w.name, res.StatusCode, body)
		}
		if res, body := w.do(t, "GET", "/next", nil); res.StatusCode != 200 || body != "clean" || dials.Load() != 2 {
			t.Errorf("%s, next: %d %q, %d connections", w.name, res.StatusCode, body, dials.Load())
		}
	}
}
