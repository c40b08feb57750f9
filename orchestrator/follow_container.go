package orchestrator

import (
	"context"
	"slices"
	"time"

	"github.com/letta-dev/letta-dev/crash"
)

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
