package proxy

import (
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/letta-dev/letta-dev/proxy/policy"
)

// An early answer is one that does not need the body of its request.
type earlyAnswer struct {
	line   string
	status string
	fields []string // of the request; ":authority: x" replaces that
	method string   // POST if empty
	path   string   // "/items" if empty
	change func(*Config)
	bridge bool
	second bool // it answers the second request
}

// start starts a proxy that gives the answer, and returns its address.
func (e *earlyAnswer) start(t *testing.T, tune ...func(*Proxy)) (g *rig, addr string) {
	g = startAt(t, redirecting(t), e.change, tune...)
	if e.second {
		g.wires(g.addr)[0].do(t, "GET", "/", nil)
	}
	if e.bridge {
		return g, g.wsAddr
	}
	return g, g.addr
}

// redirecting answers what Letta does where a slash is missing, before it has read the body.
func redirecting(t *testing.T) string {
	return startRaw(t, func(c *rawConn) {
		for {
			r, err := http.ReadRequest(c.in)
			if err != nil {
				return
			}
			io.WriteString(c, "HTTP/1.1 307 Temporary Redirect\r\nLocation: /items/\r\nContent-Length: 0\r\n\r\n")
			io.Copy(io.Discard, r.Body)
		}
	}).addr
}

func earlyAnswers(t *testing.T) []earlyAnswer {
	upstream := func(answer string) func(*Config) {
		addr := startRaw(t, func(c *rawConn) {
			if _, err := http.ReadRequest(c.in); err == nil {
				io.WriteString(c, answer)
				_ = closeWrite(c.Conn)
				io.Copy(io.Discard, c.in) // a close with bytes unread resets the connection
			}
		}).addr
		return func(c *Config) { c.REST.Dial = dialer(addr) }
	}
	state := func(s State) func(*Config) {
		return func(c *Config) {
			c.HoldFor = time.Millisecond
			c.REST.State = func() (State, <-chan struct{}) { return s, nil }
		}
	}
	return []earlyAnswer{
		{line: "redirect of the upstream", status: "307", change: func(*Config) {}},
		{line: "redirect of a HEAD", status: "307", method: "HEAD", change: func(*Config) {}},
		{line: "unknown name", status: "404", fields: []string{":authority: evil.example"}},
		{line: "malformed", status: "400", fields: []string{":authority: letta.localhost:99999"}},
		{line: "other expectation", status: "417", fields: []string{"expect: 200-maybe"}},
		{line: "foreign origin", status: "403", fields: []string{"origin: https://evil.example"}},
		{line: "TRACE", status: "405", method: "TRACE"},
		{line: "preflight", status: "204", method: "OPTIONS", fields: []string{"origin: https://app.letta.com", "access-control-request-method: POST"},
			change: state(State{Phase: Starting})},
		{line: "too large", status: "413", fields: []string{"content-length: 3"}, change: func(c *Config) { c.Policy.MaxBody = 2 }},
		{line: "too large, without saying so", status: "413", change: func(c *Config) {
			c.Policy.MaxBody, c.REST.Dial = 2, dialer(startRecorder(t).addr)
		}},
		{line: "too many", status: "429", second: true, change: func(c *Config) {
			c.Policy.Rate = policy.Rate{Requests: 1, Seconds: 60}
		}},
		{line: "starting", status: "503", change: state(State{Phase: Starting})},
		{line: "waiting page", status: "503", method: "GET", fields: []string{"accept: text/html"}, change: state(State{Phase: Starting})},
		{line: "down", status: "502", change: state(State{Phase: Down})},
		{line: "nothing listens", status: "502", change: func(c *Config) { c.REST.Dial = dialer(nobody(t)) }},
		{line: "no answer", status: "502", change: upstream("")},
		{line: "malformed answer", status: "502", change: upstream("SSH-2.0-OpenSSH_9.2\r\n")},
		{line: "early 401 that closes", status: "401", change: upstream("HTTP/1.1 401 Unauthorized\r\nContent-Length: 4\r\nConnection: close\r\n\r\nwho?")},
		{line: "early 401 without a length", status: "401", change: upstream("HTTP/1.1 401 Unauthorized\r\n\r\nwho?")},
		{line: "early answer, packed", status: "200", fields: []string{"accept-encoding: gzip"},
			change: upstream("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 10000\r\n\r\n" + strings.Repeat("packed.,.\n", 1000))},
		{line: "route without its slash", status: "308", path: "/app", change: routed(nobody(t), "/app/=http://@")},
		{line: "bridge", status: "200", bridge: true, change: func(c *Config) {
			c.WebSocket.Bridge = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "a bridge") })
		}},
	}
}

// head writes the head of the request.
func (e *earlyAnswer) head(f *framer, end bool, more ...string) {
	method, path := e.method, e.path
	if method == "" {
		method = "POST"
	}
	if path == "" {
		path = "/items"
	}
	lines := pseudo(method, path, more...)
	for _, field := range e.fields {
		if strings.HasPrefix(field, ":") {
			lines[2] = field
		} else {
			lines = append(lines, field)
		}
	}
	f.head(1, end, lines...)
}

// TestEarlyAnswersOverHTTP2: a stream whose body ends is not reset behind its answer, though nobody wanted the body: clients lose
// the answer to that (curl 7.88, httpx).
func TestEarlyAnswersOverHTTP2(t *testing.T) {
	for _, e := range earlyAnswers(t) {
		t.Run(e.line, func(t *testing.T) {
			g, addr := e.start(t)
			for name, send := range map[string]func(f *framer){
				"at once":        func(f *framer) { e.head(f, false); f.WriteData(1, true, []byte("x=1")) },
				"with a trailer": func(f *framer) { e.head(f, false); f.WriteData(1, false, []byte("x=1")); f.head(1, true, "x-t: 1") },
			} {
				f := g.framesTo(t, addr)
				send(f)
				if got := f.answer(1); got.status != e.status || got.end != "whole" {
					t.Errorf("%s: %+v, want %s", name, got, e.status)
				}
				if reset := f.resetAfter(1); reset != "" {
					t.Errorf("%s: reset behind the answer: %s", name, reset)
				}
			}
		})
	}
}

// TestEarlyAnswersToClientsThatWait: who waits to be asked for the body is asked before the answer, or not at all.
func TestEarlyAnswersToClientsThatWait(t *testing.T) {
	for _, e := range earlyAnswers(t) {
		if e.line == "other expectation" {
			continue
		}
		t.Run(e.line, func(t *testing.T) {
			g, addr := e.start(t)
			f := g.framesTo(t, addr)
			e.head(f, false, "expect: 100-continue")
			first := f.outcome(1)
			if first != "100" {
				if got := f.answer(1); first != e.status || got.end != "whole" || got.status != "" {
					t.Errorf("%s, %+v", first, got)
				}
				return
			}
			f.WriteData(1, true, []byte("x=1"))
			if got := f.answer(1); got.status != e.status || got.end != "whole" {
				t.Errorf("%+v", got)
			}
			if reset := f.resetAfter(1); reset != "" {
				t.Errorf("reset behind the answer: %s", reset)
			}
		})
	}
}

// TestBodyWithoutEndOverHTTP2: the answer comes at once, and its end when the time for the body is over. Only then is the stream
// reset.
func TestBodyWithoutEndOverHTTP2(t *testing.T) {
	for _, e := range earlyAnswers(t) {
		t.Run(e.line, func(t *testing.T) {
			g, addr := e.start(t, func(p *Proxy) { p.limits.linger = 300 * time.Millisecond })
			f := g.framesTo(t, addr)
			e.head(f, false)
			f.WriteData(1, false, []byte("x=1"))
			if got := f.answer(1); got.status != e.status || got.end != "whole" {
				t.Errorf("%+v", got)
			}
			if reset := f.resetAfter(1); reset != "NO_ERROR" {
				t.Errorf("reset by %q", reset)
			}
		})
	}
}

// TestAnswerBeforeTheTimeIsOver: a client that sends on need not wait for its answer.
func TestAnswerBeforeTheTimeIsOver(t *testing.T) {
	g := startAt(t, redirecting(t), nil, func(p *Proxy) { p.limits.linger = time.Hour })
	for _, fields := range [][]string{pseudo("POST", "/items"), pseudo("POST", "/", "origin: https://evil.example")} {
		f := g.frames(t)
		f.head(1, false, fields...)
		f.WriteData(1, false, []byte("x=1"))
		if got := f.outcome(1); got != "307" && got != "403" {
			t.Errorf("answered %s", got)
		}
		f.WriteData(1, true, nil)
		if got := f.answer(1); got.end != "whole" {
			t.Errorf("%+v", got)
		}
	}
}

// An endless body counts what is read of it.
type endlessBody struct{ n atomic.Int64 }

func (b *endlessBody) Read(p []byte) (int, error) { b.n.Add(int64(len(p))); return len(p), nil }

// TestBodyThatNeverEnds is read up to lingerBytes. The client of net/http sends on behind a 200.
func TestBodyThatNeverEnds(t *testing.T) {
	up := startRaw(t, func(c *rawConn) {
		if _, err := http.ReadRequest(c.in); err == nil {
			io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nearly")
			_ = closeWrite(c.Conn)
			io.Copy(io.Discard, c.in)
		}
	})
	g := startAt(t, up.addr, nil, func(p *Proxy) { p.limits.linger = time.Hour })
	w := g.wires(g.addr)[2]
	body := new(endlessBody)
	if res, said := w.do(t, "POST", "/", body); res.StatusCode != 200 || said != "early" {
		t.Errorf("%d %s", res.StatusCode, said)
	}
	w.client.CloseIdleConnections()
	if n := body.n.Load(); n < lingerBytes || n > lingerBytes+16<<20 {
		t.Errorf("%d bytes were read", n)
	}
}

// TestCurlGetsEarlyAnswers, which loses one to a reset behind it.
func TestCurlGetsEarlyAnswers(t *testing.T) {
	curl, err := exec.LookPath("curl")
	if err != nil {
		t.Skip("NOT PROVEN: curl is not installed")
	}
	large := filepath.Join(t.TempDir(), "large")
	if err := os.WriteFile(large, make([]byte, 3<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, row := range map[string]struct {
		upstream, status string
		times            int
	}{"redirect": {redirecting(t), "307", 10}, "nothing listens": {nobody(t), "502", 10}} {
		_, port, _ := net.SplitHostPort(startAt(t, row.upstream, nil).addr)
		for _, args := range [][]string{{"-d", "x=1"}, {"--data-binary", "@" + large}, {"-T", large}, {"-T", large, "-H", "Expect: 100-continue"}} {
			args = append([]string{"-sSk", "--http2", "--noproxy", "*", "--resolve", "letta.localhost:" + port + ":127.0.0.1", "-o", os.DevNull, "-w", "%{http_code}",
				"https://letta.localhost:" + port + "/items"}, args...)
			for range row.times {
				if out, err := exec.Command(curl, args...).CombinedOutput(); err != nil || string(out) != row.status {
					t.Fatalf("%s: curl %v: %v %s", name, args, err, out)
				}
			}
		}
	}
}
