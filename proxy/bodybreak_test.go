package proxy

import (
	"bufio"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
)

// A brokenBody is a request whose body does not end as its head says.
type brokenBody struct {
	line, head, body string
	end              bool // the client sends no more
}

func brokenBodies() []brokenBody {
	const close = "Connection: close\r\n" // else a client that sends no more has left
	return []brokenBody{
		{"shorter than its length", "Content-Length: 3\r\n" + close, "a", true},
		{"nothing of its length", "Content-Length: 3\r\n" + close, "", true},
		{"malformed chunk", "Transfer-Encoding: chunked\r\n", "1\r\na\r\nzz\r\n", false},
		{"malformed trailer", "Transfer-Encoding: chunked\r\n", "1\r\na\r\n0\r\nContent-Length: 1\r\n\r\n", false},
		{"no last chunk", "Transfer-Encoding: chunked\r\n" + close, "1\r\na\r\n", true},
	}
}

// answersInHalves starts an upstream that begins to answer when it has the head of a request, and ends when go on is closed.
func answersInHalves(t *testing.T, goOn chan struct{}) *rawUpstream {
	return startRaw(t, func(c *rawConn) {
		r, err := http.ReadRequest(c.in)
		if err != nil {
			return
		}
		io.WriteString(c, "HTTP/1.1 401 Unauthorized\r\nContent-Length: 5\r\n\r\nbe")
		<-goOn
		io.WriteString(c, "gun")
		io.Copy(io.Discard, r.Body)
	})
}

// broken waits until the body of the only request under way has come to its end.
func (g *rig) broken(t *testing.T) {
	t.Helper()
	for _, tracked := range []*tracker{&g.proxy.conns, &g.proxy.streams} {
		tracked.mu.Lock()
		var x *exchange
		for e := range tracked.live {
			switch e := e.(type) {
			case *exchange:
				x = e
			case *clientConn:
				e.mu.Lock()
				x = e.current
				e.mu.Unlock()
			}
		}
		tracked.mu.Unlock()
		if x != nil {
			x.uploading.Wait()
			if x.bodyErr.Load() == nil {
				t.Error("the body did not break off")
			}
			return
		}
	}
	t.Fatal("no request is under way")
}

// TestAnswerOutlivesTheBody: an answer that has begun comes to its end, whatever becomes of the body of its request.
func TestAnswerOutlivesTheBody(t *testing.T) {
	for _, row := range brokenBodies() {
		for i := range 2 {
			goOn := make(chan struct{})
			up := answersInHalves(t, goOn)
			e := startAt(t, up.addr, nil).entrances()[i]
			t.Run(row.line+", "+e.name, func(t *testing.T) {
				c := e.say(t, post(row.head, ""))
				r := bufio.NewReader(c)
				res, err := http.ReadResponse(r, nil)
				if err != nil {
					t.Fatal(err)
				}
				io.WriteString(c, row.body)
				if row.end {
					closeWrite(c)
				}
				e.g.broken(t)
				close(goOn)
				if body, err := io.ReadAll(res.Body); res.StatusCode != 401 || string(body) != "begun" || err != nil || !res.Close {
					t.Errorf("%d %q %v", res.StatusCode, body, err)
				}
				if a := e.g.access(t); a.Status != 401 || a.Cause != "" {
					t.Errorf("%+v", a)
				}
				if rest, err := io.ReadAll(r); len(rest) > 0 || err != nil {
					t.Errorf("behind the answer: %q %v", rest, err)
				}
			})
			if whole := requestsIn(up.heard()...); len(whole) > 0 {
				t.Errorf("the upstream took for whole: %q", whole)
			}
		}
	}
	t.Run("http2", func(t *testing.T) {
		goOn := make(chan struct{})
		up := answersInHalves(t, goOn)
		g := startAt(t, up.addr, nil)
		f := g.frames(t)
		f.head(1, false, pseudo("POST", "/", "content-length: 3")...)
		if got := f.outcome(1); got != "401" {
			t.Fatal(got)
		}
		f.WriteData(1, true, []byte("a"))
		g.broken(t)
		close(goOn)
		if got := f.answer(1); got.body != "begun" || got.end != "whole" {
			t.Errorf("%+v", got)
		}
		if reset := f.resetAfter(1); reset != "" {
			t.Errorf("reset behind the answer: %s", reset)
		}
		if a := g.access(t); a.Status != 401 || a.Cause != "" {
			t.Errorf("%+v", a)
		}
		if whole := requestsIn(up.heard()...); len(whole) > 0 {
			t.Errorf("the upstream took for whole: %q", whole)
		}
	})
}

// TestBodyThatBreaksOffBeforeTheAnswer is answered 400 over every protocol, and the upstream never takes it for whole.
func TestBodyThatBreaksOffBeforeTheAnswer(t *testing.T) {
	up := startRecorder(t)
	g := startAt(t, up.addr, nil)
	for _, row := range brokenBodies() {
		for _, e := range g.entrances() {
			c := e.say(t, post(row.head, row.body))
			if row.end {
				closeWrite(c)
			}
			replies, err := readReplies(c)
			if len(replies) != 1 || replies[0].StatusCode != 400 || err != nil {
				t.Errorf("%s, %s: %v %v", row.line, e.name, statuses(replies), err)
			}
		}
	}
	f := g.frames(t)
	f.head(1, false, pseudo("POST", "/", "content-length: 3")...)
	f.WriteData(1, true, []byte("a"))
	if got := f.answer(1); got.status != "400" || got.end != "whole" {
		t.Errorf("%+v", got)
	}
	if whole := requestsIn(up.heard()...); len(whole) > 0 {
		t.Errorf("the upstream took for whole: %q", whole)
	}
}

// TestAnswerThatWaitsForABrokenBody has an end: its upstream may never get what it waits for.
func TestAnswerThatWaitsForABrokenBody(t *testing.T) {
	goOn := make(chan struct{})
	defer close(goOn)
	g := startAt(t, answersInHalves(t, goOn).addr, nil, func(p *Proxy) { p.limits.bodyIdle = 200 * time.Millisecond })
	f := g.frames(t)
	f.head(1, false, pseudo("POST", "/", "content-length: 3")...)
	if got := f.outcome(1); got != "401" {
		t.Fatal(got)
	}
	f.WriteData(1, true, []byte("a"))
	if got := f.answer(1); got.body != "be" || got.end != "INTERNAL_ERROR" {
		t.Errorf("%+v", got)
	}
	if a := g.access(t); !strings.Contains(a.Cause, "reading the request body") {
		t.Errorf("%+v", a)
	}
}

// TestClientThatLeavesInItsBody ends the answer that has begun.
func TestClientThatLeavesInItsBody(t *testing.T) {
	for i := range 3 {
		goOn := make(chan struct{})
		up := answersInHalves(t, goOn)
		g := startAt(t, up.addr, nil)
		if i < 2 {
			c := g.entrances()[i].say(t, post("Content-Length: 3\r\n", "a"))
			if _, err := http.ReadResponse(bufio.NewReader(c), nil); err != nil {
				t.Fatal(err)
			}
			c.Close()
		} else {
			f := g.frames(t)
			f.head(1, false, pseudo("POST", "/", "content-length: 3")...)
			if got := f.outcome(1); got != "401" {
				t.Fatal(got)
			}
			f.close()
		}
		if a := g.access(t); a.Status != 401 || a.Cause == "" {
			t.Errorf("%d: %+v", i, a)
		}
		close(goOn)
	}
}
