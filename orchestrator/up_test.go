package orchestrator_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/letta-dev/letta-dev/compose"
	"github.com/letta-dev/letta-dev/orchestrator"
	"github.com/letta-dev/letta-dev/orchestrator/enginetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// letta is a fake server: it logs the marks of a boot, waits for what the test says, and answers its health check.
type letta struct {
	boot <-chan struct{} // the health check answers once this is closed; nil: at once
	die  int             // exit code instead of serving
	last string          // logged before it dies
}

func (l letta) run(ctx context.Context, p enginetest.Process) int {
	fmt.Fprintln(p.Stdout, "No external Postgres configuration detected, starting internal PostgreSQL...")
	fmt.Fprintln(p.Stdout, "Attempting to migrate database...")
	if l.die != 0 {
		fmt.Fprintln(p.Stderr, l.last)
		return l.die
	}
	if l.boot != nil {
		select {
		case <-l.boot:
		case <-ctx.Done():
			return 0
		case <-p.Killed:
			return 137
		}
	}
	listener, err := p.Listen(orchestrator.RESTPort)
	if err != nil {
		return 1
	}
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, `{"version":"0.16.8","status":"ok"}`)
	})}
	go server.Serve(listener)
	select {
	case <-ctx.Done():
	case <-p.Killed:
	}
	server.Close()
	return 0
}

// lab is an engine, a stack, and what a test follows.
type lab struct {
	*enginetest.Fake
	want     orchestrator.Want
	follower *orchestrator.Follower
	fault    atomic.Pointer[func(call string, s orchestrator.Step) error] // what calls fail with; nil: nothing
	mu       sync.Mutex
	events   []orchestrator.Event
}

// fails has every call of the engine ask f what to fail with.
func (l *lab) fails(f func(call string, s orchestrator.Step) error) { l.fault.Store(&f) }

func newLab(t *testing.T, program func(context.Context, enginetest.Process) int) *lab {
	t.Helper()
	l := &lab{Fake: enginetest.NewFake()}
	t.Cleanup(l.Close)
	l.Program = program
	l.Fault = func(call string, s orchestrator.Step) error {
		if f := l.fault.Load(); f != nil {
			return (*f)(call, s)
		}
		return nil
	}
	l.Registry = map[string]string{"letta/letta:0.16.8": "sha256:1"}
	l.want = orchestrator.WantOf(&compose.Project{
		Name: "p",
		Services: []compose.Service{{
			Name: "letta", ContainerName: "letta-server", Image: "letta/letta:0.16.8",
			Ports:    []compose.Port{{Target: orchestrator.RESTPort, HostIP: "127.0.0.1", Protocol: "tcp"}},
			Mounts:   []compose.Mount{{Kind: "volume", Source: "data", Target: "/var/lib/postgresql/data"}},
			Networks: []compose.Attachment{{Network: "default"}},
		}},
		Networks: map[string]compose.Network{"default": {Name: "p_default"}},
		Volumes:  map[string]compose.Volume{"data": {Name: "p_data"}},
		Settings: compose.Settings{Server: "letta"},
	})
	return l
}

func (l *lab) report(e orchestrator.Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.events = append(l.events, e)
}

// follow begins to follow the project until the test ends.
func (l *lab) follow(t *testing.T, target orchestrator.Target) *orchestrator.Follower {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	f := orchestrator.Follow(ctx, l, target, l.report)
	t.Cleanup(func() { cancel(); f.Done() })
	return f
}

// up plans and applies, waiting for the server.
func (l *lab) up(t *testing.T, ctx context.Context) error {
	t.Helper()
	if l.follower == nil {
		l.follower = l.follow(t, orchestrator.Target{Project: "p"})
	}
	have, err := l.Observe(ctx, l.want.Query())
	if err != nil {
		t.Fatal(err)
	}
	orchestrator.Examine(ctx, l, "p", have)
	plan, err := orchestrator.Diff(l.want, have)
	if err != nil {
		t.Fatal(err)
	}
	a := &orchestrator.Applier{Engine: l, Report: l.report, Ready: l.follower.Wait}
	return a.Apply(ctx, plan)
}

func (l *lab) observe(t *testing.T) orchestrator.Observation {
	t.Helper()
	q := l.want.Query()
	have, err := l.Observe(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	return have
}

// nothing fails the test when anything of the project stands.
func (l *lab) nothing(t *testing.T) {
	t.Helper()
	if have := l.observe(t); len(have.Containers)+len(have.Networks)+len(have.Volumes) > 0 {
		t.Errorf("left behind: containers %v, networks %v, volumes %v", have.Containers, have.Networks, have.Volumes)
	}
}

// until waits for a state of a follower.
func until(t *testing.T, f *orchestrator.Follower, what string, is func(orchestrator.State) bool) orchestrator.State {
	t.Helper()
	deadline := time.After(20 * time.Second)
	for {
		s, changed := f.State()
		if is(s) {
			return s
		}
		select {
		case <-changed:
		case <-deadline:
			t.Fatalf("never %s; the state is %+v", what, s)
		}
	}
}

func ready(s orchestrator.State) bool { return s.Phase == orchestrator.PhaseReady }
func down(s orchestrator.State) bool  { return s.Phase == orchestrator.PhaseDown }

func TestUp(t *testing.T) {
	l := newLab(t, letta{}.run)
	if err := l.up(t, t.Context()); err != nil {
		t.Fatal(err)
	}
	s, _ := l.follower.State()
	if !ready(s) || s.Version != "0.16.8" || s.Container != "letta-server" {
		t.Errorf("state %+v", s)
	}
	conn, err := l.follower.DialREST(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	conn.Close()

	before := len(l.Steps())
	if err := l.up(t, t.Context()); err != nil {
		t.Fatal(err)
	}
	if again := l.Steps()[before:]; len(again) > 0 {
		t.Errorf("a second up did %v", again)
	}
}

// The stages come from the log, in order, and each is told once.
func TestUpTellsStages(t *testing.T) {
	boot := make(chan struct{})
	l := newLab(t, letta{boot: boot}.run)
	done := make(chan error, 1)
	l.follower = l.follow(t, orchestrator.Target{Project: "p"})
	go func() { done <- l.up(t, t.Context()) }()
	until(t, l.follower, "migrating", func(s orchestrator.State) bool { return s.Stage == orchestrator.StageMigrate })
	close(boot)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	var stages []string
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, e := range l.events {
		if e.Kind == orchestrator.Stage {
			stages = append(stages, e.Text)
		}
	}
	if want := []string{"postgres", "migrate", "ready"}; !slices.Equal(stages, want) {
		t.Errorf("stages %v, want %v", stages, want)
	}
}

// A server that dies ends the wait with its stage, the cause and the last of its log, and nothing is left half made.
func TestUpOfADyingServer(t *testing.T) {
	l := newLab(t, letta{die: 3, last: "ERROR: Database migration failed!"}.run)
	err := l.up(t, t.Context())
	var died *orchestrator.DiedError
	if !errors.As(err, &died) {
		t.Fatalf("got %v", err)
	}
	if died.ExitCode != 3 || died.Cause == "" || len(died.Lines) == 0 || died.Lines[len(died.Lines)-1] != "ERROR: Database migration failed!" {
		t.Errorf("died: %+v", died)
	}
	l.nothing(t)
}

// An interrupt at any step leaves nothing half made.
func TestUpInterrupted(t *testing.T) {
	for _, at := range []string{"create network", "create volume", "pull image", "create container", "start container", "wait"} {
		t.Run(at, func(t *testing.T) {
			boot := make(chan struct{}) // never closed: the server does not become ready
			l := newLab(t, letta{boot: boot}.run)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			l.fails(func(call string, s orchestrator.Step) error {
				if call == "Do" && string(s.Action) == at {
					cancel()
				}
				return nil
			})
			if at == "wait" {
				l.follower = l.follow(t, orchestrator.Target{Project: "p"})
				go func() {
					until(t, l.follower, "migrating", func(s orchestrator.State) bool { return s.Stage == orchestrator.StageMigrate })
					cancel()
				}()
			}
			if err := l.up(t, ctx); !errors.Is(err, context.Canceled) {
				t.Errorf("got %v", err)
			}
			l.nothing(t)
		})
	}
}

// A step that fails takes back what the others made, and nothing that stood before.
func TestUpFails(t *testing.T) {
	l := newLab(t, letta{}.run)
	if err := l.up(t, t.Context()); err != nil {
		t.Fatal(err)
	}
	boom := errors.New("boom")
	var taken []orchestrator.Step
	l.fails(func(call string, s orchestrator.Step) error {
		switch {
		case call == "Do" && s.Action == orchestrator.Start:
			taken = nil
			return boom
		case call == "Do":
			taken = append(taken, s)
		}
		return nil
	})
	l.want.Services[0].OurLabels[orchestrator.LabelHash] = "another"
	if err := l.up(t, t.Context()); !errors.Is(err, boom) {
		t.Errorf("got %v", err)
	}
	if len(taken) == 0 || taken[0].Action != orchestrator.Stop || !taken[0].Database {
		t.Errorf("taken back by %v; the Postgres inside, whose data stood before, is to be asked first", taken)
	}
	have := l.observe(t)
	if len(have.Containers) != 0 || len(have.Volumes) != 1 || len(have.Networks) != 1 {
		t.Errorf("after a failed start: %d containers, %d volumes, %d networks; the data and the network stood before", len(have.Containers), len(have.Volumes), len(have.Networks))
	}
}

// A server that waits for a database gets it healthy, or is told how the database died.
func TestUpWaitsForADatabase(t *testing.T) {
	for _, healthy := range []bool{true, false} {
		t.Run(fmt.Sprint("healthy ", healthy), func(t *testing.T) {
			l := newLab(t, nil)
			l.Program = func(ctx context.Context, p enginetest.Process) int {
				if p.Container != "db" {
					return letta{}.run(ctx, p)
				}
				if !healthy {
					fmt.Fprintln(p.Stderr, "initdb: error: could not create directory: No space left on device")
					return 1
				}
				if !slices.Equal(p.Argv, []string{"check"}) {
					<-ctx.Done()
				}
				return 0
			}
			db := l.want.Services[0]
			db.Name, db.ContainerName, db.Ports, db.OurLabels = "db", "db", nil, orchestrator.Labels{
				orchestrator.LabelManaged: "true", orchestrator.LabelProject: "p", orchestrator.LabelService: "db"}
			db.Healthcheck = checked(2)
			server := l.want.Services[0]
			server.DependsOn = []compose.Dependency{{Service: "db", Condition: orchestrator.Healthy}}
			l.want.Services = []orchestrator.Spec{db, server}
			err := l.up(t, t.Context())
			if healthy {
				if err != nil {
					t.Fatal(err)
				}
				return
			}
			var died *orchestrator.DiedError
			if !errors.As(err, &died) || died.Container != "db" || !strings.Contains(died.Cause, "disk is full") || len(died.Lines) != 1 {
				t.Errorf("got %v", err)
			}
			l.nothing(t)
		})
	}
}

// A server that is only slow is left running, and said so.
func TestUpOfASlowServer(t *testing.T) {
	l := newLab(t, letta{boot: make(chan struct{})}.run)
	l.follower = l.follow(t, orchestrator.Target{Project: "p"})
	ctx, cancel := context.WithDeadline(t.Context(), time.Now()) // over before it begins: no time passes in this test
	defer cancel()
	have := l.observe(t)
	plan, err := orchestrator.Diff(l.want, have)
	if err != nil {
		t.Fatal(err)
	}
	a := &orchestrator.Applier{Engine: l, Ready: func(context.Context) error {
		until(t, l.follower, "booting", func(s orchestrator.State) bool { return s.ID != "" })
		return l.follower.Wait(ctx)
	}}
	var slow *orchestrator.SlowError
	if err := a.Apply(t.Context(), plan); !errors.As(err, &slow) {
		t.Fatalf("got %v", err)
	}
	if have := l.observe(t); len(have.Containers) != 1 || !have.Containers[0].Running {
		t.Error("the slow server was not left running")
	}
}

// A container that is made anew meanwhile is found again by the engine's events, and one that dies is told.
func TestFollowRecreated(t *testing.T) {
	l := newLab(t, letta{}.run)
	if err := l.up(t, t.Context()); err != nil {
		t.Fatal(err)
	}
	first, _ := l.follower.State()
	l.Kill("letta-server", 9)
	dead := until(t, l.follower, "down", down)
	var died *orchestrator.DiedError
	if !errors.As(dead.Err, &died) || died.ExitCode != 9 {
		t.Errorf("down because of %v", dead.Err)
	}
	if _, err := l.follower.DialREST(t.Context()); err == nil {
		t.Error("a dead server was dialled")
	}
	l.want.Services[0].OurLabels[orchestrator.LabelHash] = "another"
	if err := l.up(t, t.Context()); err != nil {
		t.Fatal(err)
	}
	second := until(t, l.follower, "ready again", ready)
	if second.ID == first.ID || second.ID == "" {
		t.Errorf("the container is %q, was %q", second.ID, first.ID)
	}
}

// The engine's stream may break and the engine be away; the follower comes back by itself.
func TestFollowBrokenEngine(t *testing.T) {
	l := newLab(t, letta{}.run)
	if err := l.up(t, t.Context()); err != nil {
		t.Fatal(err)
	}
	gone := errors.New("the engine restarts")
	asked := make(chan struct{}, 1)
	l.fails(func(call string, _ orchestrator.Step) error {
		select {
		case asked <- struct{}{}:
		default:
		}
		return gone
	})
	l.BreakStreams(gone)
	for range 3 { // the engine was looked for again and again, and the server answers all the while
		<-asked
	}
	if s, _ := l.follower.State(); !ready(s) {
		t.Errorf("a server that answers is %s: %v", s.Phase, s.Err)
	}
}

// A server that goes with its engine is down, and found when both are back.
func TestFollowEngineAndServerGone(t *testing.T) {
	l := newLab(t, letta{}.run)
	if err := l.up(t, t.Context()); err != nil {
		t.Fatal(err)
	}
	gone := errors.New("the engine stops")
	var stopped atomic.Bool
	l.fails(func(string, orchestrator.Step) error {
		if stopped.Load() {
			return gone
		}
		return nil
	})
	stopped.Store(true)
	l.Kill("letta-server", 137)
	l.BreakStreams(gone)
	s := until(t, l.follower, "down", down)
	if !errors.As(s.Err, new(*orchestrator.EngineGoneError)) {
		t.Errorf("down because of %v", s.Err)
	}
	stopped.Store(false)
	if err := l.up(t, t.Context()); err != nil {
		t.Fatal(err)
	}
	until(t, l.follower, "ready again", ready)
}

func TestFollowURL(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, `{"version":"x","status":"ok"}`) })}
	go server.Serve(listener)
	ctx, cancel := context.WithCancel(t.Context())
	u, err := url.Parse("http://" + address)
	if err != nil {
		t.Fatal(err)
	}
	f := orchestrator.Follow(ctx, nil, orchestrator.Target{URL: u}, nil)
	t.Cleanup(func() { cancel(); f.Done() })
	if err := f.Wait(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Dial(t.Context(), orchestrator.WebSocketPort); err == nil {
		t.Error("a server started by hand has no port 8282: it would be our own")
	}
	server.Close()
	gone := until(t, f, "down", down)
	var silent *orchestrator.NoAnswerError
	if !errors.As(gone.Err, &silent) || !strings.Contains(silent.Hint(), "/v1/health/") {
		t.Errorf("down because of %v", gone.Err)
	}
}

// Health believes only 200 and ok: another program's answer, however large, is not a ready Letta.
func TestHealth(t *testing.T) {
	for name, tc := range map[string]struct {
		answer string
		ready  bool
	}{
		"ready":      {"HTTP/1.1 200 OK\r\nContent-Length: 34\r\n\r\n" + `{"version":"0.16.8","status":"ok"}`, true},
		"warming":    {"HTTP/1.1 200 OK\r\n\r\n" + `{"version":"0.16.8","status":"warming"}`, false},
		"redirect":   {"HTTP/1.1 307 Temporary Redirect\r\nLocation: /\r\nContent-Length: 0\r\n\r\n", false},
		"not letta":  {"HTTP/1.1 200 OK\r\n\r\n<html>hello", false},
		"not http":   {"SSH-2.0-OpenSSH_9.2\r\n", false},
		"closed":     {"", false},
		"many bytes": {"HTTP/1.1 200 OK\r\n\r\n" + strings.Repeat(" ", 1<<20) + `{"status":"ok"}`, false},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := orchestrator.Health(t.Context(), func(context.Context) (net.Conn, error) {
				near, far := net.Pipe()
				go func() {
					defer far.Close()
					if _, err := http.ReadRequest(bufio.NewReader(far)); err == nil {
						io.WriteString(far, tc.answer)
					}
				}()
				return near, nil
			})
			if (err == nil) != tc.ready {
				t.Errorf("ready is %v: %v", err == nil, err)
			}
		})
	}
}
