package proxy

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"
)

// paused is what the orchestrator says of a paused container.
func paused(since time.Time) State {
	return State{Phase: Unhealthy, Since: since, Cause: "letta-server is <paused>", Hint: "docker unpause letta-server"}
}

func TestUnhealthyIsHeldAndThenSaid(t *testing.T) {
	g := startWith(t, newStateBox(paused(clock.Add(-9*time.Second))), func(c *Config) {
		c.HoldFor = time.Millisecond
		c.Now = func() time.Time { return clock }
	})
	g.each(t, func(t *testing.T, w wire) {
		for _, method := range []string{"GET", "POST"} {
			res, body := w.do(t, method, "/v1/agents/", nil, "Origin: https://app.letta.com")
			e := errorIn(t, body)
			if res.StatusCode != 503 || res.Header.Get("Retry-After") == "" || e.Code != "upstream_unhealthy" || !strings.Contains(e.Message, "letta-server is <paused>") || e.Hint != "docker unpause letta-server" {
				t.Errorf("%s: %d %v %+v", method, res.StatusCode, res.Header, e)
			}
		}
		res, body := w.do(t, "GET", "/", nil, "Accept: text/html", "Sec-Fetch-Mode: navigate")
		if res.StatusCode != 503 {
			t.Errorf("a page: %d", res.StatusCode)
		}
		for _, want := range []string{"letta-server:8283 does not answer", "letta-server is &lt;paused&gt;", "docker unpause letta-server", "<span id=\"seconds\">9</span> s", `http-equiv="refresh"`} {
			if !strings.Contains(body, want) {
				t.Errorf("the page does not contain %q:\n%s", want, body)
			}
		}
		if strings.Contains(body, "is starting") || strings.Contains(body, "<li") {
			t.Errorf("the page tells of a start:\n%s", body)
		}
	})
}

func TestUnhealthyIsHeldUntilItAnswers(t *testing.T) {
	box := newStateBox(paused(clock))
	g := startWith(t, box, nil)
	g.each(t, func(t *testing.T, w wire) {
		box.set(paused(clock))
		drain(box.asked)
		go func() { <-box.asked; box.set(State{Phase: Ready}) }()
		if res, body := w.do(t, "POST", "/v1/agents/", strings.NewReader("{}")); res.StatusCode != 200 || hear(t, body).Body != "{}" {
			t.Errorf("%d %s", res.StatusCode, body)
		}
	})
}

func TestUpgradesToAnUnhealthyServer(t *testing.T) {
	box := newStateBox(paused(clock))
	g := startWith(t, box, func(c *Config) {
		c.HoldFor = time.Millisecond
		c.WebSocket.Bridge = http.HandlerFunc(acceptElsewhere)
	})
	for _, addr := range []string{g.addr, g.wsAddr} {
		c := g.raw(t, addr, true)
		io.WriteString(c, "GET /ws HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n")
		res, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(res.Body)
		if e := errorIn(t, string(body)); res.StatusCode != 503 || e.Code != "upstream_unhealthy" || e.Hint != "docker unpause letta-server" {
			t.Errorf("%d %s", res.StatusCode, body)
		}
	}
}

// A waiting page is told why its server does not answer, and that it starts again.
func TestUnhealthyIsToldToPages(t *testing.T) {
	box := newStateBox(migrating(clock))
	g := startWith(t, box, func(c *Config) { c.Now = func() time.Time { return clock } })
	g.each(t, func(t *testing.T, w wire) {
		box.set(migrating(clock))
		res, err := w.client.Do(w.request(t, "GET", startPath, nil, "Accept: text/event-stream"))
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		events := bufio.NewReader(res.Body)
		wantEvent(t, events, "stage", `"heading":"letta-server:8283 is starting"`)
		box.set(paused(clock))
		wantEvent(t, events, "stage", `"heading":"letta-server:8283 does not answer","cause":"letta-server is \u003cpaused\u003e","stage":"","seconds":0,"last":"","steps":"","hint":"docker unpause letta-server"`)
		box.set(State{Phase: Ready})
		wantEvent(t, events, "over", "ready")
	})
}

// silent is a server that says nothing, but to /stream the beginning of an answer.
func silent(t *testing.T) (handler http.Handler, free func()) {
	released := make(chan struct{})
	t.Cleanup(func() {
		select {
		case <-released:
		default:
			close(released)
		}
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/stream" {
			io.WriteString(w, "one\n")
			w.(http.Flusher).Flush()
		}
		select {
		case <-released:
		case <-r.Context().Done():
			return
		}
		io.WriteString(w, "late\n")
	}), func() { close(released) }
}

// A request that reached the server before anybody knew that it is silent is answered like one that came after; a POST may have been
// carried out, and is not asked to come again. A stream goes on.
func TestRequestsThatASilentServerHas(t *testing.T) {
	handler, free := silent(t)
	box := newStateBox(State{Phase: Ready})
	doubts := make(chan struct{}, 1000)
	g := start(t, handler, func(c *Config) {
		c.REST.State, c.REST.Doubt = box.get, func() { doubts <- struct{}{} }
	}, func(p *Proxy) { p.limits.doubt = time.Millisecond })
	g.each(t, func(t *testing.T, w wire) {
		box.set(State{Phase: Ready})
		drain(doubts)
		stream, err := w.client.Do(w.request(t, "GET", "/stream", nil))
		if err != nil {
			t.Fatal(err)
		}
		defer stream.Body.Close()
		lines := bufio.NewReader(stream.Body)
		if line, err := lines.ReadString('\n'); line != "one\n" {
			t.Fatalf("the stream says %q, %v", line, err)
		}
		drain(doubts)
		for method, want := range map[string]int{"GET": 503, "POST": 504} {
			box.set(State{Phase: Ready})
			go func() {
				<-doubts
				box.set(paused(time.Now())) // not silent for long enough
				box.set(paused(time.Now().Add(-time.Hour)))
			}()
			var body io.Reader
			if method == "POST" {
				body = strings.NewReader("x")
			}
			res, said := w.do(t, method, "/v1/agents/", body)
			if e := errorIn(t, said); res.StatusCode != want || e.Code != "upstream_unhealthy" || e.Hint != "docker unpause letta-server" {
				t.Errorf("%s: %d %s", method, res.StatusCode, said)
			}
			if again := res.Header.Get("Retry-After") != ""; again != (method == "GET") {
				t.Errorf("%s: asked to come again: %t", method, again)
			}
		}
	})
	free()
}

// A stream that has begun outlives the silence of its server.
func TestAStreamOutlivesTheSilence(t *testing.T) {
	handler, free := silent(t)
	box := newStateBox(State{Phase: Ready})
	g := start(t, handler, func(c *Config) {
		c.REST.State, c.REST.Doubt = box.get, func() {}
	}, func(p *Proxy) { p.limits.doubt = time.Millisecond })
	var streams []*bufio.Reader
	g.each(t, func(t *testing.T, w wire) {
		res, err := w.client.Do(w.request(t, "GET", "/stream", nil))
		if err != nil {
			t.Fatal(err)
		}
		stream := bufio.NewReader(res.Body)
		if line, err := stream.ReadString('\n'); line != "one\n" {
			t.Fatalf("the stream says %q, %v", line, err)
		}
		streams = append(streams, stream)
	})
	box.set(paused(time.Now().Add(-time.Hour)))
	res, _ := g.wires(g.addr)[0].do(t, "GET", "/", nil, "Accept: text/html", "Sec-Fetch-Mode: navigate")
	if res.StatusCode != 503 {
		t.Errorf("%d", res.StatusCode)
	}
	free()
	for i, stream := range streams {
		if line, err := stream.ReadString('\n'); line != "late\n" {
			t.Errorf("stream %d goes on with %q, %v", i, line, err)
		}
	}
}

// A server that answers others may take as long as it likes.
func TestASlowAnswerOfAReadyServer(t *testing.T) {
	handler, free := silent(t)
	doubts := make(chan struct{}, 1000)
	g := start(t, handler, func(c *Config) {
		c.HoldFor = time.Millisecond
		c.REST.State, c.REST.Doubt = newStateBox(State{Phase: Ready}).get, func() { doubts <- struct{}{} }
	}, func(p *Proxy) { p.limits.doubt = time.Millisecond })
	go func() { <-doubts; free() }()
	g.each(t, func(t *testing.T, w wire) {
		if res, body := w.do(t, "POST", "/", strings.NewReader("x")); res.StatusCode != 200 || body != "late\n" {
			t.Errorf("%d %q", res.StatusCode, body)
		}
	})
}

// A handshake that a silent server has is ended too.
func TestAHandshakeThatASilentServerHas(t *testing.T) {
	l := listenLoopback(t)
	t.Cleanup(func() { l.Close() }) // the kernel accepts, and nothing answers
	box := newStateBox(State{Phase: Ready})
	doubted := make(chan struct{}, 1000)
	g := startAt(t, l.Addr().String(), func(c *Config) {
		c.REST.State, c.REST.Doubt = box.get, func() { doubted <- struct{}{} }
	}, func(p *Proxy) { p.limits.doubt = time.Millisecond })
	go func() { <-doubted; box.set(paused(time.Now().Add(-time.Hour))) }()
	c := g.raw(t, g.addr, true)
	io.WriteString(c, "GET /ws HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n")
	res, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil || res.StatusCode != 503 {
		t.Errorf("%v, %v", res, err)
	}
}

// A connection that fails is a reason to doubt, and an answer in time is none.
func TestWhatIsDoubted(t *testing.T) {
	doubts := make(chan struct{}, 1000)
	fails := make(chan struct{})
	g := start(t, echo(), func(c *Config) {
		dial := c.REST.Dial
		c.REST.Doubt = func() { doubts <- struct{}{} }
		c.REST.Dial = func(ctx context.Context) (net.Conn, error) {
			select {
			case <-fails:
				return nil, fmt.Errorf("dialling: %w", syscall.ECONNREFUSED)
			default:
				return dial(ctx)
			}
		}
	}, func(p *Proxy) { p.limits.doubt = time.Hour })
	g.each(t, func(t *testing.T, w wire) { w.do(t, "GET", "/", nil) })
	if len(doubts) > 0 {
		t.Error("an answer was doubted")
	}
	close(fails)
	g.proxy.rest.close()
	if res, _ := g.wires(g.addr)[0].do(t, "GET", "/", nil); res.StatusCode != 502 || len(doubts) == 0 {
		t.Errorf("%d, doubted %d times", res.StatusCode, len(doubts))
	}
}

// A server that nobody follows, which takes connections and answers nothing, is told of, and what it had may have been carried out.
func TestASilentServerThatNobodyFollows(t *testing.T) {
	l := listenLoopback(t)
	t.Cleanup(func() { l.Close() }) // the kernel accepts, and nothing answers
	g := startAt(t, l.Addr().String(), nil, func(p *Proxy) { p.limits.silent, p.limits.answer = time.Millisecond, 10*time.Millisecond })
	g.each(t, func(t *testing.T, w wire) {
		for method, want := range map[string]int{"GET": 503, "POST": 504} {
			res, body := w.do(t, method, "/v1/agents/", nil)
			e := errorIn(t, body)
			if res.StatusCode != want || e.Code != "upstream_unhealthy" || !strings.Contains(e.Message, "for 1ms it has answered nothing, and then not HEAD / within 10ms") {
				t.Errorf("%s: %d %+v", method, res.StatusCode, e)
			}
		}
	})
}

// One that answers others may take as long as it likes.
func TestASlowAnswerOfAServerThatNobodyFollows(t *testing.T) {
	handler, free := silent(t)
	asked := make(chan struct{}, 1000)
	g := start(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodHead {
			asked <- struct{}{}
			return
		}
		handler.ServeHTTP(w, r)
	}), nil, func(p *Proxy) { p.limits.silent = time.Millisecond })
	go func() {
		for range 3 {
			<-asked
		}
		free()
	}()
	g.each(t, func(t *testing.T, w wire) {
		if res, body := w.do(t, "POST", "/", strings.NewReader("x")); res.StatusCode != 200 || body != "late\n" {
			t.Errorf("%d %q", res.StatusCode, body)
		}
	})
}
