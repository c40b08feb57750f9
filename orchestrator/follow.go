package orchestrator

import (
	"context"
	"errors"
	"net"
	"sync"
	"time"
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
