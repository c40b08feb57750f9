package orchestrator_test

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/letta-dev/letta-dev/orchestrator"
	"github.com/letta-dev/letta-dev/orchestrator/enginetest"
)

// moody is a server that is asked through exec, and answers as the test says.
type moody struct {
	mu      sync.Mutex
	version string
	open    chan struct{} // it answers while this is closed, and else once it is
	refuses bool
	status  string // 200 OK if empty
	asked   int
	now     func() // called with each question
}

func newMoody() *moody {
	m := &moody{version: "0.16.8", open: make(chan struct{})}
	close(m.open)
	return m
}

// freeze keeps every question waiting until thaw is called.
func (m *moody) freeze() (thaw func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.open = make(chan struct{})
	return func() { close(m.open) }
}

func (m *moody) set(change func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	change()
}

func (m *moody) questions() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.asked
}

// run is one question.
func (m *moody) run(ctx context.Context, p enginetest.Process) int {
	if _, err := http.ReadRequest(bufio.NewReader(p.Stdin)); err != nil {
		return 1
	}
	m.mu.Lock()
	m.asked++
	open, now, refuses := m.open, m.now, m.refuses
	m.mu.Unlock()
	if now != nil {
		now()
	}
	if refuses {
		return 1
	}
	select {
	case <-open:
	case <-ctx.Done():
		return 1
	}
	m.mu.Lock()
	body, status := fmt.Sprintf(`{"version":%q,"status":"ok"}`, m.version), cmp.Or(m.status, "200 OK")
	m.mu.Unlock()
	fmt.Fprintf(p.Stdout, "HTTP/1.1 %s\r\nContent-Length: %d\r\n\r\n%s", status, len(body), body)
	return 0
}

// moodyLab is an engine with one container of somebody else's, reached by exec alone unless it has published ports.
func moodyLab(t *testing.T, m *moody, published ...orchestrator.Published) (*enginetest.Fake, *orchestrator.Follower) {
	t.Helper()
	e := enginetest.NewFake()
	e.Program = m.run
	e.Info.Local = len(published) > 0
	e.Add(orchestrator.Container{
		Name: "letta-server", Image: "letta/letta:0.16.8", Running: true, Status: "running", StartedAt: time.Now(),
		Networks: []orchestrator.Attached{{Name: "p_default"}}, MadeFor: "p_default", Published: published,
	})
	ctx, cancel := context.WithCancel(context.Background())
	f := orchestrator.Follow(ctx, e, orchestrator.Target{Container: "letta-server"}, nil)
	t.Cleanup(func() { cancel(); f.Done(); e.Close() })
	if err := f.Wait(t.Context()); err != nil {
		t.Fatal(err)
	}
	return e, f
}

// never fails the test when the follower comes to a state within some time.
func never(t *testing.T, f *orchestrator.Follower, within time.Duration, is func(orchestrator.State) bool) {
	t.Helper()
	for late := time.After(within); ; {
		s, changed := f.State()
		if is(s) {
			t.Fatalf("%s: %v", s.Phase, s.Err)
		}
		select {
		case <-changed:
		case <-late:
			return
		}
	}
}

func unhealthy(s orchestrator.State) bool { return s.Phase == orchestrator.PhaseUnhealthy }

// hintOf is the command that helps against what a state says.
func hintOf(s orchestrator.State) string {
	var h interface{ Hint() string }
	if errors.As(s.Err, &h) {
		return h.Hint()
	}
	return ""
}

// An import that holds the server for 10 s, whenever it begins, is no death.
func TestABusyServerStaysReady(t *testing.T) {
	for begin := time.Duration(0); begin < 6*time.Second; begin += 700 * time.Millisecond {
		synctest.Test(t, func(t *testing.T) {
			m := newMoody()
			_, f := moodyLab(t, m)
			time.Sleep(begin)
			thaw := m.freeze()
			time.AfterFunc(10*time.Second, thaw)
			time.AfterFunc(3*time.Second, f.Ask) // by a request that waits
			never(t, f, time.Minute, func(s orchestrator.State) bool { return !ready(s) })
		})
	}
}

// A server that gives no answer is unhealthy within 17 s of its last one, and ready as soon as it answers.
func TestAFrozenServerIsUnhealthy(t *testing.T) {
	for name, silence := range map[string]func(m *moody) (end func()){
		"frozen": func(m *moody) func() { return m.freeze() },
		"refuses": func(m *moody) func() {
			m.set(func() { m.refuses = true })
			return func() { m.set(func() { m.refuses = false }) }
		},
	} {
		synctest.Test(t, func(t *testing.T) {
			m := newMoody()
			_, f := moodyLab(t, m)
			end := silence(m)
			begin := time.Now()
			s := until(t, f, "unhealthy", unhealthy)
			if took := time.Since(begin); took < 12*time.Second || took > 18*time.Second {
				t.Errorf("%s: unhealthy after %v", name, took)
			}
			if lasts := time.Since(s.Since); lasts < 12*time.Second || !strings.Contains(s.Err.Error(), "letta-server runs") || !strings.HasPrefix(hintOf(s), "docker restart letta-server") {
				t.Errorf("%s: for %v: %v; %s", name, lasts, s.Err, hintOf(s))
			}
			time.Sleep(time.Minute)
			end()
			thawed := time.Now()
			s = until(t, f, "ready again", ready)
			if took := time.Since(thawed); took > 3*time.Second || s.Err != nil || s.Route != "exec" {
				t.Errorf("%s: ready after %v: %+v", name, took, s)
			}
		})
	}
}

// A request that waits has the server asked before its time.
func TestADoubtHasTheServerAsked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMoody()
		_, f := moodyLab(t, m)
		time.Sleep(2 * time.Second)
		before := m.questions()
		for range 100 { // requests that wait
			f.Ask()
			synctest.Wait()
		}
		if after := m.questions(); after != before+1 {
			t.Errorf("asked %d times for a hundred doubts", after-before)
		}
	})
}

// What the engine knows is told at once, whoever is asked and however: a paused container and one without a network answer nothing.
func TestWhatTheEngineKnows(t *testing.T) {
	for name, c := range map[string]struct {
		hinder, free func(*enginetest.Fake)
		hint         string
	}{
		"paused": {func(e *enginetest.Fake) { e.Pause("letta-server") }, func(e *enginetest.Fake) { e.Unpause("letta-server") },
			"docker unpause letta-server"},
		"disconnected": {func(e *enginetest.Fake) { e.Disconnect("p_default", "letta-server") }, func(e *enginetest.Fake) { e.Connect("p_default", "letta-server") },
			"docker network connect p_default letta-server"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := newMoody()
				e, f := moodyLab(t, m)
				begin := time.Now()
				thaw := m.freeze() // as a paused one would
				f.Ask()
				c.hinder(e)
				s := until(t, f, "unhealthy", unhealthy)
				if took := time.Since(begin); took > time.Second || hintOf(s) != c.hint {
					t.Errorf("after %v: %v; %s", took, s.Err, hintOf(s))
				}
				if err := f.Wait(t.Context()); err == nil || err.Error() != s.Err.Error() {
					t.Errorf("who waits for it is told %v", err)
				}
				never(t, f, time.Minute, ready)
				thaw()
				freed := time.Now()
				c.free(e)
				until(t, f, "ready again", ready)
				if took := time.Since(freed); took > time.Second {
					t.Errorf("ready after %v", took)
				}
			})
		})
	}
}

// A container that is paused before its server was ready starts on when it is not any more.
func TestPausedWhileItStarts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMoody()
		m.refuses = true
		e := enginetest.NewFake()
		e.Program, e.Info.Local = m.run, false
		e.Add(orchestrator.Container{Name: "letta-server", Running: true, Status: "paused", StartedAt: time.Now()})
		ctx, cancel := context.WithCancel(context.Background())
		f := orchestrator.Follow(ctx, e, orchestrator.Target{Container: "letta-server"}, nil)
		defer func() { cancel(); f.Done(); e.Close() }()
		if s := until(t, f, "unhealthy", unhealthy); hintOf(s) != "docker unpause letta-server" {
			t.Errorf("%v; %s", s.Err, hintOf(s))
		}
		e.Unpause("letta-server")
		if s := until(t, f, "starting", func(s orchestrator.State) bool { return s.Phase == orchestrator.PhaseStarting }); s.Err != nil {
			t.Errorf("still %v", s.Err)
		}
		m.set(func() { m.refuses = false })
		until(t, f, "ready", ready)
	})
}

// A container with another program in it is told as such, and is a Letta server once one answers there.
func TestAnotherProgramInTheContainer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMoody()
		m.status = "404 Not Found"
		e := enginetest.NewFake()
		e.Program, e.Info.Local = m.run, false
		e.Add(orchestrator.Container{Name: "web", Running: true, Status: "running", StartedAt: time.Now()})
		ctx, cancel := context.WithCancel(context.Background())
		f := orchestrator.Follow(ctx, e, orchestrator.Target{Container: "web"}, nil)
		defer func() { cancel(); f.Done(); e.Close() }()
		begin := time.Now()
		err := f.Wait(t.Context())
		var other *orchestrator.NotLettaError
		if took := time.Since(begin); !errors.As(err, &other) || !strings.Contains(err.Error(), "in container web is not a Letta server: the health check answers 404") || took > 15*time.Second {
			t.Fatalf("after %v: %v", took, err)
		}
		if other.Hint() != "docker logs --tail 50 web" {
			t.Error(other.Hint())
		}
		m.set(func() { m.status = "" })
		until(t, f, "ready", ready)
	})
}

// A server whose health check fails is unhealthy like one that is silent.
func TestAFailingHealthCheck(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMoody()
		_, f := moodyLab(t, m)
		m.set(func() { m.status = "500 Internal Server Error" })
		if s := until(t, f, "unhealthy", unhealthy); !strings.Contains(s.Err.Error(), "has failed for 12s: the health check answers 500 Internal Server Error") {
			t.Error(s.Err)
		}
		m.set(func() { m.status = "" })
		until(t, f, "ready", ready)
	})
}

// An engine that hangs does not keep the server from being asked.
func TestAnEngineThatHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMoody()
		hangs, resume := make(chan struct{}), make(chan struct{})
		e := enginetest.NewFake()
		e.Program, e.Info.Local = m.run, false
		e.Fault = func(call string, _ orchestrator.Step) error {
			if call == "Observe" {
				select {
				case <-hangs:
					<-resume
				default:
				}
			}
			return nil
		}
		e.Add(orchestrator.Container{Name: "letta-server", Running: true, Status: "running", StartedAt: time.Now()})
		ctx, cancel := context.WithCancel(context.Background())
		f := orchestrator.Follow(ctx, e, orchestrator.Target{Container: "letta-server"}, nil)
		defer func() { cancel(); close(resume); f.Done(); e.Close() }()
		if err := f.Wait(t.Context()); err != nil {
			t.Fatal(err)
		}
		close(hangs)
		e.SetHealth("letta-server", "unhealthy") // what the engine tells has it looked at
		synctest.Wait()
		thaw := m.freeze()
		begin := time.Now()
		until(t, f, "unhealthy", unhealthy)
		if took := time.Since(begin); took > 18*time.Second {
			t.Errorf("unhealthy after %v", took)
		}
		thaw()
		until(t, f, "ready", ready)
	})
}

// The version is that of the last answer: a server may be another one after it has reloaded itself.
func TestTheVersionThatAnswersNow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMoody()
		_, f := moodyLab(t, m)
		m.set(func() { m.version = "0.17.0" })
		begin := time.Now()
		until(t, f, "of the new version", func(s orchestrator.State) bool { return ready(s) && s.Version == "0.17.0" })
		if took := time.Since(begin); took > 6*time.Second {
			t.Errorf("known after %v", took)
		}
	})
}

// serveHealth answers health checks at an address until the test ends.
func serveHealth(t *testing.T, l net.Listener) {
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, `{"version":"0.16.8","status":"ok"}`)
	})}
	go server.Serve(l)
	t.Cleanup(func() { server.Close() })
}

// free is an address where nothing listens.
func free(t *testing.T) netip.AddrPort {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).AddrPort()
}

// Exec costs a process for every connection. A start that it was first to notice goes by the published port all the same, and so does
// a server whose port is only later reached.
func TestCheaperRoutesAreAskedAgain(t *testing.T) {
	for _, when := range []string{"before", "after"} {
		t.Run(when+" exec is taken", func(t *testing.T) {
			at := free(t)
			var once sync.Once
			listen := func() {
				l, err := net.Listen("tcp", at.String())
				if err != nil {
					t.Error(err)
					return
				}
				serveHealth(t, l)
			}
			m := newMoody()
			if when == "before" {
				m.now = func() { once.Do(listen) }
			}
			_, f := moodyLab(t, m, orchestrator.Published{Port: orchestrator.RESTPort, HostIP: at.Addr(), HostPort: int(at.Port()), Protocol: "tcp"})
			s, _ := f.State()
			if when == "before" {
				if s.Route != "published" {
					t.Errorf("reached by %s", s.Route)
				}
				return
			}
			if s.Route != "exec" {
				t.Fatalf("reached by %s", s.Route)
			}
			listen()
			until(t, f, "reached by its port", func(s orchestrator.State) bool { return ready(s) && s.Route == "published" })
		})
	}
}

// A question that waits on an address which is no more does not hold up the way to the new one.
func TestAMovedServerIsFoundAtOnce(t *testing.T) {
	old, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer old.Close()
	var conns atomic.Int32
	hangs := make(chan struct{})
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch n := conns.Add(1); {
		case n == 2:
			close(hangs)
			fallthrough
		case n > 2:
			<-r.Context().Done()
			return
		}
		io.WriteString(w, `{"version":"old","status":"ok"}`)
	})}
	go server.Serve(old)
	defer server.Close()
	at := func(l net.Listener) orchestrator.Published {
		a := l.Addr().(*net.TCPAddr).AddrPort()
		return orchestrator.Published{Port: orchestrator.RESTPort, HostIP: a.Addr(), HostPort: int(a.Port()), Protocol: "tcp"}
	}
	e, f := moodyLab(t, newMoody(), at(old))
	f.Ask()
	for asked := false; !asked; { // once the last answer is no longer fresh
		select {
		case <-hangs:
			asked = true
		case <-time.After(100 * time.Millisecond):
			f.Ask()
		}
	}
	now, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	serveHealth(t, now)
	have, err := e.Observe(t.Context(), orchestrator.Query{})
	if err != nil {
		t.Fatal(err)
	}
	moved := have.Containers[0]
	moved.Published = []orchestrator.Published{at(now)}
	begin := time.Now()
	e.Add(moved) // the same run, published elsewhere
	until(t, f, "found", func(s orchestrator.State) bool { return s.Version == "0.16.8" })
	if took := time.Since(begin); took > 6*time.Second {
		t.Errorf("found after %v", took)
	}
}

// What answers at a URL and is no Letta server is told at once, with what it says of itself.
func TestAnotherProgramAtTheURL(t *testing.T) {
	for name, c := range map[string]struct {
		answer string
		says   string // empty: it may be Letta yet
	}{
		"404":        {"HTTP/1.1 404 Not Found\r\nServer: nginx/1.25\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", `404 Not Found (Server: "nginx/1.25")`},
		"a page":     {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello", "not in Letta's form"},
		"a redirect": {"HTTP/1.1 302 Found\r\nLocation: /login\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", "302 Found"},
		"a gateway":  {"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", ""},
		"warming":    {"HTTP/1.1 200 OK\r\nContent-Length: 20\r\nConnection: close\r\n\r\n" + `{"status":"warming"}`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			go func() {
				for {
					conn, err := l.Accept()
					if err != nil {
						return
					}
					if _, err := http.ReadRequest(bufio.NewReader(conn)); err == nil {
						io.WriteString(conn, c.answer)
					}
					conn.Close()
				}
			}()
			ctx, cancel := context.WithCancel(t.Context())
			u := &url.URL{Scheme: "http", Host: l.Addr().String()}
			f := orchestrator.Follow(ctx, nil, orchestrator.Target{URL: u}, nil)
			defer func() { cancel(); f.Done() }()
			limit, stop := context.WithTimeout(t.Context(), 20*time.Second)
			defer stop()
			if c.says == "" {
				limit, stop = context.WithTimeout(t.Context(), 4*time.Second) // twice what tells another program
				defer stop()
			}
			err = f.Wait(limit)
			var other *orchestrator.NotLettaError
			if errors.As(err, &other) != (c.says != "") {
				t.Fatalf("got %v", err)
			}
			if other != nil && (!strings.Contains(err.Error(), c.says) || !strings.Contains(err.Error(), u.String()) || !strings.HasPrefix(other.Hint(), "curl -i "+u.String())) {
				t.Errorf("got %v; %s", err, other.Hint())
			}
		})
	}
}

// A server started by hand that hangs is unhealthy, and one that has ended is down.
func TestAURLThatHangs(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close() // it accepts, by the kernel, and nothing answers
	ctx, cancel := context.WithCancel(t.Context())
	f := orchestrator.Follow(ctx, nil, orchestrator.Target{URL: &url.URL{Scheme: "http", Host: l.Addr().String()}}, nil)
	defer func() { cancel(); f.Done() }()
	if s := until(t, f, "unhealthy", unhealthy); !strings.HasPrefix(hintOf(s), "curl -i ") || strings.Contains(s.Err.Error(), "deadline") {
		t.Errorf("%v; %s", s.Err, hintOf(s))
	}
	over, stop := context.WithDeadline(t.Context(), time.Now())
	defer stop()
	if err := f.Wait(over); !errors.As(err, new(*orchestrator.NoAnswerError)) {
		t.Errorf("at the end of the time given: %v", err)
	}
	serveHealth(t, l)
	until(t, f, "ready", ready)
	l.Close()
	f.Ask()
	until(t, f, "down", down)
}

// A server that takes connections and closes them, as docker-proxy does until the one in the container listens, is told of once, whatever
// the moment at which it closes. So is one that is not there.
func TestAURLThatHangsUp(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	const enough = 12
	hungUp := make(chan struct{})
	go func() {
		for i := 0; ; i++ {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			if i == enough {
				close(hungUp)
			}
			switch i % 3 {
			case 0:
				http.ReadRequest(bufio.NewReader(conn))
			case 1:
				conn.(*net.TCPConn).SetLinger(0) // the other side is reset
			}
			conn.Close()
		}
	}()
	told := make(chan string, 1000)
	ctx, cancel := context.WithCancel(t.Context())
	f := orchestrator.Follow(ctx, nil, orchestrator.Target{URL: &url.URL{Scheme: "http", Host: l.Addr().String()}}, func(e orchestrator.Event) {
		if e.Kind == orchestrator.Waiting {
			told <- e.Text
		}
	})
	defer func() { cancel(); f.Done() }()
	select {
	case <-hungUp:
	case <-time.After(20 * time.Second):
		t.Fatal("it was not asked again and again")
	}
	l.Close()
	until(t, f, "not listening", func(s orchestrator.State) bool { return errors.Is(s.Err, syscall.ECONNREFUSED) })
	at := "http://" + l.Addr().String() + ": "
	for _, want := range []string{"it closes connections without an answer", "nothing listens there: connection refused"} {
		if got := <-told; got != at+want {
			t.Errorf("told %q, want %q", got, at+want)
		}
	}
	if len(told) > 0 {
		t.Errorf("told %q too", <-told)
	}
}
