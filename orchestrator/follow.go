package orchestrator

import (
	"context"
	"errors"
	"net"
	"slices"
	"sync"
	"time"

	"github.com/letta-dev/letta-dev/crash"
)

// Phase says whether a server can be asked.
type Phase string

// The phases of a server.
const (
	PhaseStarting  Phase = "starting"
	PhaseReady     Phase = "ready"
	PhaseUnhealthy Phase = "unhealthy" // it runs and does not answer
	PhaseDown      Phase = "down"
)

// State is how a followed server stands.
type State struct {
	Phase     Phase
	Stage     string    // of a start: StageContainer … StageReady
	Since     time.Time // when the phase began; of an unhealthy server the first question without an answer
	Err       error     // why it is down or unhealthy; may have a Hint() string
	Container string    // its name; empty for a server started by hand
	ID        string
	Route     string // how it is reached
	Version   string // as its health check says
}

// Follower knows where a server is and how it stands, and keeps knowing: a container that is made again, restarted or moved to
// another address is found by the engine's events, without a restart of anything. It never changes anything in the engine.
//
// Ready is a state, not an event: a server that answered its health check is asked again every 5 s, at once when the engine tells of
// it, and when Ask is called. One that gives no answer for 12 s is unhealthy until it answers, and one that the engine has paused or
// that is in no network is so at once. A server whose event loop is held for 10 s, by an import say, stays ready.
type Follower struct {
	base   context.Context // of Follow: what a look starts lives as long as the following, not as the look
	engine Engine
	target Target
	report func(Event)

	looking sync.Mutex // held over a look, so that a later look never ends before an earlier one

	mu       sync.Mutex
	state    State
	changed  chan struct{}
	dial     func(ctx context.Context, port int) (net.Conn, error)
	port     int       // where REST listens
	run      *running  // nil while no container runs
	answered bool      // the run's server has been ready
	asked    time.Time // when the last question ended
	due      bool      // a container of the target has run since Follow, or must: one that does not run is down, not yet to come
	stageAt  time.Time
	wake     chan struct{} // holds one value when the server is to be asked now
	end      sync.WaitGroup
}

// running is one run of a container: between a start and the death that follows.
type running struct {
	ctx    context.Context // ends with it
	cancel context.CancelFunc

	// Guarded by Follower.mu.
	engine EngineInfo
	seen   Container          // as the last look found it
	drop   context.CancelFunc // ends the question under way; nil: there is none
}

// retryEvery is the pause before the engine's events are asked for again after the stream broke.
const retryEvery = 500 * time.Millisecond

// Follow begins to follow a target until ctx ends. engine may be nil for a target that is a URL, report may be nil.
func Follow(ctx context.Context, engine Engine, target Target, report func(Event)) *Follower {
	if report == nil {
		report = func(Event) {}
	}
	now := time.Now()
	f := &Follower{base: ctx, engine: engine, target: target, report: report, changed: make(chan struct{}), stageAt: now, port: RESTPort, wake: make(chan struct{}, 1)}
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

// Wait returns when the server, which has been started, is ready. It fails with what brought the server down, for the second time where
// its restart policy starts it again, or keeps it from answering, with *SlowError when ctx's deadline passes first, and else with ctx's cause.
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
		died := (*DiedError)(nil)
		switch {
		case s.Phase == PhaseReady:
			return nil
		case errors.As(s.Err, &died) && 0 < died.Restarts && died.Restarts < enoughDeaths: // the next run may be better
		case s.Phase == PhaseDown && f.target.URL == nil, isHindrance(s.Err), errors.As(s.Err, new(*NotLettaError)), errors.As(s.Err, new(*StuckError)):
			return s.Err
		}
		select {
		case <-changed:
		case <-ctx.Done():
			if errors.Is(ctx.Err(), context.DeadlineExceeded) {
				if f.target.URL != nil && s.Err != nil {
					return s.Err
				}
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
	if before.Phase != f.state.Phase && before.Since.Equal(f.state.Since) {
		f.state.Since = time.Now()
	}
	close(f.changed)
	f.changed = make(chan struct{})
}

// stage moves a starting server on to a stage that began at a time, and reports how long the one before took.
func (f *Follower) stage(name string, at time.Time) {
	f.mu.Lock()
	was, since := f.state.Stage, f.stageAt
	if f.state.Phase != PhaseStarting || was == name {
		f.mu.Unlock()
		return
	}
	f.stageAt = at
	f.mu.Unlock()
	f.set(func(s *State) { s.Stage = name })
	f.report(Event{Kind: Stage, Text: name, Ended: was, Elapsed: max(0, at.Sub(since))})
}

// stamped is when something happened that is read now. The engine's stamp says so of what is read of before, as the log of a server which
// was starting already; of what comes now, a stamp of whole seconds or of another machine's clock knows less than ours.
func stamped(stamp time.Time) time.Time {
	now := time.Now()
	if stamp.IsZero() || now.Sub(stamp) < 2*time.Second {
		return now
	}
	return stamp
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
				f.askNow()
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

// engineGone takes the engine's end for the server's only when the server cannot be reached either: containers can outlive the daemon
// that started them (Docker's live-restore, Podman always). One that only takes its time is asked on as before.
func (f *Follower) engineGone(ctx context.Context, why error) {
	if ctx.Err() != nil {
		return
	}
	if s, _ := f.State(); s.Phase == PhaseReady || s.Phase == PhaseUnhealthy && !isHindrance(s.Err) {
		if _, err := Health(ctx, f.DialREST); err == nil || isTimeout(err) {
			return
		}
	}
	f.looking.Lock()
	defer f.looking.Unlock()
	f.down(&EngineGoneError{Err: why})
}

// concerns says whether an event can change where the target is, or whether it answers. Health checks run by the engine flood the stream with exec events.
func (f *Follower) concerns(h Happening) bool {
	switch h.Action {
	case "create", "start", "die", "destroy", "rename", "restart", "pause", "unpause", "connect", "disconnect", "health_status":
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
	return f.lookLocked(ctx)
}

func (f *Follower) lookLocked(ctx context.Context) error {
	have, err := f.engine.Observe(ctx, f.target.query())
	if err != nil {
		return err
	}
	c := f.target.in(have)
	switch {
	case c != nil && c.Running && !isRestarting(*c):
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

// take follows a running container: the run already followed keeps going with what was just seen, another one replaces it.
func (f *Follower) take(info EngineInfo, c Container) {
	f.mu.Lock()
	r := f.run
	same := r != nil && r.seen.ID == c.ID && r.seen.StartedAt.Equal(c.StartedAt)
	f.mu.Unlock()
	if !same {
		r = f.begin(info, c)
	}
	f.renew(r, info, c)
	if !same {
		f.end.Go(func() { f.watchLog(r.ctx, c) })
		f.end.Go(func() { f.askRun(r) })
	}
}

// begin makes a container that runs the one that is followed.
func (f *Follower) begin(info EngineInfo, c Container) *running {
	f.stopRun()
	r := &running{engine: info, seen: c}
	r.ctx, r.cancel = context.WithCancel(f.base)
	f.mu.Lock()
	f.run = r
	began := stamped(c.StartedAt)
	f.due, f.answered, f.stageAt = true, false, began
	f.mu.Unlock()
	f.set(func(s *State) {
		*s = State{Phase: PhaseStarting, Stage: StageBoot, Since: began, Container: c.Name, ID: c.ID}
	})
	return r
}

// renew takes over what a look found of a run. A question that is under way on a route which is no more is not waited for.
func (f *Follower) renew(r *running, info EngineInfo, c Container) {
	hindered := hindrance(c)
	f.mu.Lock()
	moved := !sameRoutes(r.seen, c)
	r.engine, r.seen = info, c
	if moved && r.drop != nil {
		r.drop()
	}
	if !f.answered && r.ctx.Err() == nil { // the first route is dialled until it is known which one answers
		f.dial, f.port = routes(f.engine, info, c)[0].dial, restPort(c)
	}
	resumed := hindered == nil && !f.answered && isHindrance(f.state.Err)
	f.mu.Unlock()
	switch {
	case hindered != nil:
		f.unhealthy(r.ctx, time.Now(), hindered)
	case resumed:
		f.set(func(s *State) { s.Phase, s.Err = PhaseStarting, nil })
	}
	if moved {
		f.askNow()
	}
}

// sameRoutes says whether a container is reached as it was.
func sameRoutes(a, b Container) bool {
	return a.Status == b.Status && slices.Equal(a.Addresses, b.Addresses) && slices.Equal(a.Published, b.Published) && slices.Equal(a.Networks, b.Networks)
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
