package proxy

import (
	"context"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// stateBox is a State that tests change, as the orchestrator does.
type stateBox struct {
	mu      sync.Mutex
	state   State
	changed chan struct{}
	asked   chan struct{} // receives for every look at it
}

func newStateBox(s State) *stateBox {
	return &stateBox{state: s, changed: make(chan struct{}), asked: make(chan struct{}, 1000)}
}

func (b *stateBox) get() (State, <-chan struct{}) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.asked <- struct{}{}
	return b.state, b.changed
}

func (b *stateBox) set(s State) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.state = s
	close(b.changed)
	b.changed = make(chan struct{})
}

// migrating is a start under way for seven seconds by the clock of the tests.
func migrating(now time.Time) State {
	return State{Phase: Starting, Stage: "migrate", Since: now.Add(-7 * time.Second)}
}

func startWith(t *testing.T, box *stateBox, change func(*Config)) *rig {
	return start(t, echo(), func(c *Config) {
		c.REST.State = box.get
		if change != nil {
			change(c)
		}
	})
}

var clock = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func TestBrowsersSeeTheStage(t *testing.T) {
	g := startWith(t, newStateBox(migrating(clock)), func(c *Config) { c.Now = func() time.Time { return clock } })
	g.each(t, func(t *testing.T, w wire) {
		res, body := w.do(t, "GET", "/", nil, "Accept: text/html,application/xhtml+xml", "Sec-Fetch-Mode: navigate")
		if res.StatusCode != 503 || res.Header.Get("Cache-Control") != "no-store" || res.Header.Get("Retry-After") == "" {
			t.Errorf("%d %v", res.StatusCode, res.Header)
		}
		for _, want := range []string{`<noscript><meta http-equiv="refresh" content="1"></noscript>`, "letta-server:8283 is starting", "Stage migrate", "<span id=\"seconds\">7</span> s", `class="done"><span>Database`, `class="running"><span>Migrations`, `class="waiting"><span>Server`} {
			if !strings.Contains(body, want) {
				t.Errorf("the page does not contain %q:\n%s", want, body)
			}
		}
	})
}

func TestCallsAreHeldUntilReady(t *testing.T) {
	box := newStateBox(migrating(clock))
	g := startWith(t, box, nil)
	g.each(t, func(t *testing.T, w wire) {
		box.set(migrating(clock))
		drain(box.asked)
		go func() {
			<-box.asked
			box.set(State{Phase: Starting, Stage: "server"}) // a change is not yet the end
			<-box.asked
			box.set(State{Phase: Ready})
		}()
		res, body := w.do(t, "POST", "/v1/agents/", strings.NewReader("{}"))
		if res.StatusCode != 200 || hear(t, body).Body != "{}" {
			t.Errorf("%d %s", res.StatusCode, body)
		}
	})
}

func drain(c chan struct{}) {
	for len(c) > 0 {
		<-c
	}
}

func TestHeldTooLong(t *testing.T) {
	g := startWith(t, newStateBox(migrating(clock)), func(c *Config) {
		c.HoldFor = time.Millisecond
		c.Now = func() time.Time { return clock }
	})
	g.each(t, func(t *testing.T, w wire) {
		res, body := w.do(t, "POST", "/v1/agents/", strings.NewReader("{}"), "Origin: https://app.letta.com")
		e := errorIn(t, body)
		if res.StatusCode != 503 || res.Header.Get("Retry-After") == "" || e.Code != "upstream_starting" || !strings.Contains(e.Message, "stage migrate, 7 s") || e.Hint == "" {
			t.Errorf("%d %v %+v", res.StatusCode, res.Header, e)
		}
		if res.Header.Get("Access-Control-Allow-Origin") != "https://app.letta.com" || res.Header.Get("Access-Control-Allow-Credentials") != "true" {
			t.Errorf("the page cannot read why: %v", res.Header)
		}
	})
}

func TestBodyStaysUnreadWhileHeld(t *testing.T) {
	box := newStateBox(migrating(clock))
	g := startWith(t, box, nil)
	c := g.raw(t, g.addr, false)
	io.WriteString(c, "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n")
	<-box.asked
	drain(box.asked)
	c.SetReadDeadline(time.Now().Add(50 * time.Millisecond)) // a 100 now would mean that it is read
	if n, err := c.Read(make([]byte, 1)); n != 0 || !os.IsTimeout(err) {
		t.Errorf("the proxy said something: %d, %v", n, err)
	}
}

func TestClientThatLeavesIsNotHeld(t *testing.T) {
	box := newStateBox(migrating(clock))
	g := startWith(t, box, func(c *Config) { c.HoldFor = time.Hour })
	g.each(t, func(t *testing.T, w wire) {
		drain(box.asked)
		ctx, cancel := context.WithCancel(context.Background())
		go func() { <-box.asked; cancel() }()
		if _, err := w.client.Do(w.request(t, "GET", "/v1/agents/", nil).WithContext(ctx)); err == nil {
			t.Fatal("an answer came")
		}
		if a := g.access(t); a.Status != 499 || a.Upstream != "" {
			t.Errorf("access %+v", a)
		}
	})
}

func TestDownSaysWhatToType(t *testing.T) {
	box := newStateBox(State{Phase: Down, Cause: "no container named <letta-server>", Hint: "letta-dev up --image letta/letta"})
	g := startWith(t, box, nil)
	g.each(t, func(t *testing.T, w wire) {
		res, body := w.do(t, "GET", "/", nil)
		e := errorIn(t, body)
		if res.StatusCode != 502 || e.Code != "upstream_down" || !strings.Contains(e.Message, "no container named <letta-server>") || e.Hint != "letta-dev up --image letta/letta" {
			t.Errorf("%d %+v", res.StatusCode, e)
		}
		res, body = w.do(t, "GET", "/", nil, "Accept: text/html")
		if res.StatusCode != 502 || !strings.Contains(body, "no container named &lt;letta-server&gt;") || !strings.Contains(body, "letta-dev up --image letta/letta") {
			t.Errorf("%d %s", res.StatusCode, body)
		}
	})
}

func TestPreflightsAreAnsweredWhileStarting(t *testing.T) {
	box := newStateBox(migrating(clock))
	g := startWith(t, box, nil)
	g.each(t, func(t *testing.T, w wire) {
		preflight := func(origin, names string) *http.Response {
			res, _ := w.do(t, "OPTIONS", "/v1/agents/", nil, "Origin: "+origin, "Access-Control-Request-Method: POST", "Access-Control-Request-Headers: "+names)
			return res
		}
		res := preflight("https://app.letta.com", "content-type,user_id")
		h := res.Header
		if res.StatusCode != 204 || h.Get("Access-Control-Allow-Origin") != "https://app.letta.com" || h.Get("Access-Control-Allow-Headers") != "content-type,user_id" ||
			!strings.Contains(h.Get("Access-Control-Allow-Methods"), "PATCH") || !strings.Contains(h.Get("Vary"), "Origin") {
			t.Errorf("%d %v", res.StatusCode, h)
		}
		if res := preflight("https://evil.example", "x"); res.StatusCode != 403 || res.Header.Get("Access-Control-Allow-Origin") != "" {
			t.Errorf("foreign: %d %v", res.StatusCode, res.Header)
		}
		if res := preflight("https://app.letta.com", "a;b"); res.Header.Get("Access-Control-Allow-Headers") != "" {
			t.Errorf("repeated %v", res.Header)
		}
	})
	box.set(State{Phase: Ready})
	if res, body := g.wires(g.addr)[0].do(t, "OPTIONS", "/", nil, "Origin: https://app.letta.com", "Access-Control-Request-Method: POST"); res.StatusCode != 200 || hear(t, body).Method != "OPTIONS" {
		t.Errorf("once ready, the upstream answers preflights: %d", res.StatusCode)
	}
}

func TestUpgradesAreHeldToo(t *testing.T) {
	box := newStateBox(migrating(clock))
	g := startWith(t, box, func(c *Config) { c.WebSocket.Bridge = http.HandlerFunc(acceptElsewhere) })
	go func() { <-box.asked; box.set(State{Phase: Ready}) }()
	talk(t, g.dialWS(t, g.wsAddr, true))
}

func TestUpstreamAnswersKeepTheirCORS(t *testing.T) {
	g := start(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Access-Control-Allow-Origin", "https://app.letta.com")
	}), nil)
	g.each(t, func(t *testing.T, w wire) {
		res, _ := w.do(t, "GET", "/", nil, "Origin: https://app.letta.com")
		if v := res.Header["Access-Control-Allow-Origin"]; len(v) != 1 {
			t.Errorf("%q", v)
		}
	})
}

// TestHeldUploadOfAClientThatLeft: what it sent must not reach the upstream later.
func TestHeldUploadOfAClientThatLeft(t *testing.T) {
	for _, encrypted := range []bool{false, true} {
		for _, body := range []string{"", "1234", strings.Repeat("x", 100)} {
			box := newStateBox(migrating(clock))
			g := startWith(t, box, func(c *Config) { c.HoldFor = time.Hour })
			c := g.raw(t, g.addr, encrypted)
			io.WriteString(c, "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n"+body)
			<-box.asked
			c.Close()
			if a := g.access(t); a.Status != 499 || a.Upstream != "" {
				t.Errorf("tls=%v, %d bytes: access %+v", encrypted, len(body), a)
			}
		}
	}
}

// TestHeldUploadArrivesWhole: what was read ahead while it was held is not lost.
func TestHeldUploadArrivesWhole(t *testing.T) {
	box := newStateBox(migrating(clock))
	g := startWith(t, box, nil)
	g.each(t, func(t *testing.T, w wire) {
		box.set(migrating(clock))
		drain(box.asked)
		want := strings.Repeat("0123456789abcdef", 1<<16) // 1 MiB, more than is read ahead
		pr, pw := io.Pipe()
		go func() {
			io.WriteString(pw, want[:100])
			<-box.asked
			io.WriteString(pw, want[100:200]) // while it is held
			box.set(State{Phase: Ready})
			io.WriteString(pw, want[200:])
			pw.Close()
		}()
		if _, body := w.do(t, "POST", "/", pr); hear(t, body).Body != want {
			t.Error("the upload did not arrive as it was sent")
		}
	})
}

// TestUpstreamThatStartsOver: the orchestrator notices after the first failure.
func TestUpstreamThatStartsOver(t *testing.T) {
	box := newStateBox(State{Phase: Ready})
	g := startWith(t, box, func(c *Config) {
		dial := c.REST.Dial
		c.REST.Dial = func(ctx context.Context) (net.Conn, error) {
			box.mu.Lock()
			since := box.state.Since
			box.mu.Unlock()
			if !since.IsZero() {
				return dial(ctx)
			}
			go func() {
				box.set(State{Phase: Starting})
				box.set(State{Phase: Ready, Since: clock})
			}()
			return nil, syscall.ECONNREFUSED
		}
	})
	g.each(t, func(t *testing.T, w wire) {
		box.set(State{Phase: Ready})
		w.client.CloseIdleConnections()
		g.proxy.rest.close()
		if res, body := w.do(t, "POST", "/", strings.NewReader("once")); res.StatusCode != 200 || hear(t, body).Body != "once" {
			t.Errorf("%d %s", res.StatusCode, body)
		}
	})
}
