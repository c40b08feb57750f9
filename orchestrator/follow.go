package orchestrator

import (
	"context"
	"errors"
	"net"
	"sync"
	"time"

	"github.com/letta-dev/letta-dev/crash"
)

// Phase says whether a server can be asked.
type Phase string

// The phases of a server.
const (
	PhaseStarting Phase = "starting"
	PhaseReady    Phase = "ready"
	PhaseDown     Phase = "down"
)

// State is how a followed server stands.
type State struct {
	Phase     Phase
	Stage     string    // of a start: StageContainer … StageReady
	Since     time.Time // when the phase began
	Err       error     // why it is down; may have a Hint() string
	Container string    // its name; empty for a server started by hand
	ID        string
	Route     string // how it is reached
	Version   string // as its health check says
}

// Follower knows where a server is and how it stands, and keeps knowing: a container that is made again, restarted or moved to
// another address is found by the engine's events, without a restart of anything. It never changes anything in the engine.
type Follower struct {
	base   context.Context // of Follow: what a look starts lives as long as the following, not as the look
	engine Engine
	target Target
	report func(Event)

	looking sync.Mutex // held over a look, so that a later look never ends before an earlier one

	mu      sync.Mutex
	state   State
	changed chan struct{}
	dial    func(ctx context.Context, port int) (net.Conn, error)
	port    int      // where REST listens
	run     *running // nil while no container runs
	due     bool     // a container of the target has run since Follow, or must: one that does not run is down, not yet to come
	stageAt time.Time
	end     sync.WaitGroup
}

// running is one run of a container: between a start and the death that follows.
type running struct {
	id     string
	start  time.Time
	cancel context.CancelFunc
}

// retryEvery is the pause before the engine's events are asked for again after the stream broke.
const retryEvery = 500 * time.Millisecond

// Follow begins to follow a target until ctx ends. engine may be nil for a target that is a URL, report may be nil.
func Follow(ctx context.Context, engine Engine, target Target, report func(Event)) *Follower {
	if report == nil {
		report = func(Event) {}
	}
	now := time.Now()
	f := &Follower{base: ctx, engine: engine, target: target, report: report, changed: make(chan struct{}), stageAt: now, port: RESTPort}
	f.state = State{Phase: PhaseStarting, Stage: StageContainer, Since: now}
	if target.URL != nil {
		f.end.Go(func() { f.followURL(ctx) })
	} else {
		f.end.Go(func() { f.followContainer(ctx) })
	}
	return f
}

// Done returns when the following has ended, after the context given to Follow.
func (f *Follower) Done() { f.end.Wait() }

// State is how the server stands, and a channel that is closed at the next change.
func (f *Follower) State() (State, <-chan struct{}) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.state, f.changed
}

// DialREST connects to the server's REST API.
func (f *Follower) DialREST(ctx context.Context) (net.Conn, error) {
	f.mu.Lock()
	port := f.port
	f.mu.Unlock()
	return f.Dial(ctx, port)
}

// Dial connects to a port of the server.
func (f *Follower) Dial(ctx context.Context, port int) (net.Conn, error) {
	f.mu.Lock()
	dial, err := f.dial, f.state.Err
	f.mu.Unlock()
	if dial == nil {
		if err == nil {
			err = &AbsentError{Target: f.target}
		}
		return nil, err
	}
	return dial(ctx, port)
}

// Wait returns when the server, which has been started, is ready. It fails with what brought the server down, with *SlowError when
// ctx's deadline passes first, and else with ctx's cause.
func (f *Follower) Wait(ctx context.Context) error {
	begin := time.Now()
	if f.target.URL == nil {
		f.mu.Lock()
		f.due = true // it was started before the wait, so one that does not run has died already
		f.mu.Unlock()
		// What an earlier container died of is not what is waited for.
		if err := f.look(ctx); err != nil && ctx.Err() == nil {
			return err
		}
	}
	for {
		s, changed := f.State()
		switch s.Phase {
		case PhaseReady:
			return nil
		case PhaseDown:
			if f.target.URL == nil {
				return s.Err
			}
		}
		select {
		case <-changed:
		case <-ctx.Done():
			if errors.Is(ctx.Err(), context.DeadlineExceeded) {
				return &SlowError{Container: f.target.String(), Stage: s.Stage, After: time.Since(begin)}
			}
			return context.Cause(ctx)
		}
	}
}

// set changes the state under f.mu and tells those who wait.
func (f *Follower) set(change func(*State)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	before := f.state
	change(&f.state)
	if before.Phase != f.state.Phase {
		f.state.Since = time.Now()
	}
	close(f.changed)
	f.changed = make(chan struct{})
}

// stage moves a starting server on to a stage, and reports how long the one before took.
func (f *Follower) stage(name string) {
	f.mu.Lock()
	was, since := f.state.Stage, f.stageAt
	if f.state.Phase != PhaseStarting || was == name {
		f.mu.Unlock()
		return
	}
	f.stageAt = time.Now()
	f.mu.Unlock()
	f.set(func(s *State) { s.Stage = name })
	f.report(Event{Kind: Stage, Text: name, Ended: was, Elapsed: time.Since(since)})
}

// followContainer looks once, and again whenever the engine tells of the target, until ctx ends.
func (f *Follower) followContainer(ctx context.Context) {
	defer crash.Recover()
	defer f.stopRun()
	look := func() {
		if err := f.look(ctx); err != nil {
			f.engineGone(ctx, err)
		}
	}
	for {
		err := f.engine.Watch(ctx, look, func(h Happening) {
			if f.concerns(h) {
				look()
			}
		})
		if ctx.Err() != nil {
			return
		}
		f.engineGone(ctx, err)
		select {
		case <-time.After(retryEvery):
		case <-ctx.Done():
			return
		}
	}
}

// engineGone takes the engine's end for the server's only when the server does not answer either: containers can outlive the daemon
// that started them (Docker's live-restore, Podman always).
func (f *Follower) engineGone(ctx context.Context, why error) {
	if ctx.Err() != nil {
		return
	}
	if f.phase() == PhaseReady {
		if _, err := Health(ctx, f.DialREST); err == nil {
			return
		}
	}
	f.down(&EngineGoneError{Err: why})
}

// concerns says whether an event can change where the target is. Health checks run by the engine flood the stream with exec events.
func (f *Follower) concerns(h Happening) bool {
	switch h.Action {
	case "create", "start", "die", "destroy", "rename", "restart":
	default:
		return false
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	return h.Name == f.target.Container || h.Container == f.state.ID || f.target.Project != "" && h.Labels.Ours(f.target.Project)
}

// look observes the engine once and takes over what it finds.
func (f *Follower) look(ctx context.Context) error {
	f.looking.Lock()
	defer f.looking.Unlock()
	have, err := f.engine.Observe(ctx, f.target.query())
	if err != nil {
		return err
	}
	c := f.target.in(have)
	switch {
	case c != nil && c.Running:
		f.take(have.Engine, *c)
	case !f.isDue():
		f.set(func(s *State) { s.Phase, s.Stage, s.Err = PhaseStarting, StageContainer, nil })
	case c == nil:
		f.down(&AbsentError{Target: f.target})
	default:
		f.down(f.died(ctx, *c))
	}
	return nil
}

func (f *Follower) isDue() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.due
}

// take follows a running container: the run already followed keeps going with the addresses just seen, another one replaces it.
func (f *Follower) take(info EngineInfo, c Container) {
	f.mu.Lock()
	same := f.run != nil && f.run.id == c.ID && f.run.start.Equal(c.StartedAt)
	f.mu.Unlock()
	if same && f.phase() == PhaseReady {
		return
	}
	if same {
		f.usable(info, c)
		return
	}
	f.stopRun()
	ctx, cancel := context.WithCancel(f.base)
	f.mu.Lock()
	f.run = &running{id: c.ID, start: c.StartedAt, cancel: cancel}
	f.due, f.stageAt = true, time.Now()
	f.mu.Unlock()
	f.set(func(s *State) {
		*s = State{Phase: PhaseStarting, Stage: StageBoot, Since: time.Now(), Container: c.Name, ID: c.ID}
	})
	f.usable(info, c)
	f.end.Go(func() { f.watchLog(ctx, c) })
	f.end.Go(func() { f.probeContainer(ctx, info, c) })
}

func (f *Follower) phase() Phase {
	s, _ := f.State()
	return s.Phase
}

// usable makes the first of a container's routes the one that is dialled until the probe knows which one answers.
func (f *Follower) usable(info EngineInfo, c Container) {
	first := routes(f.engine, info, c)[0]
	f.mu.Lock()
	defer f.mu.Unlock()
	f.dial, f.port = first.dial, restPort(c)
}

func (f *Follower) stopRun() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.run != nil {
		f.run.cancel()
		f.run = nil
	}
}

func (f *Follower) down(why error) {
	f.stopRun()
	f.mu.Lock()
	f.dial = nil
	f.mu.Unlock()
	f.set(func(s *State) { s.Phase, s.Err, s.Route = PhaseDown, why, "" })
}
