package orchestrator

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/letta-dev/letta-dev/crash"
)

// Applier carries out plans.
type Applier struct {
	Engine Engine
	Report func(Event) // told of every step; calls never overlap
	// Ready returns when the Letta server answers its health check, or says why it never will. It is what a Wait for Ready calls.
	Ready func(context.Context) error
	// Bound is --wait-timeout: it gives the context of each wait, whose deadline is the same for all. Nil when nothing is to be bounded.
	Bound func(context.Context) (context.Context, context.CancelFunc)
}

// The clean-up after a failed or interrupted Apply runs when the caller's context may have ended, so it has bounds of its own.
const (
	undoTime  = time.Minute
	undoGrace = 10 * time.Second
	makeTime  = time.Minute // a container, network or volume takes the engine milliseconds, and seconds when it is busy

	// changeTime bounds what stops, removes or mends something, besides the grace of a stop. The files of a large volume take a while.
	changeTime = 5 * time.Minute
)

// Apply carries out a plan. A step starts when all it needs have succeeded, at the same time as others that may; the first
// failure ends the rest, and is what Apply returns. Before it returns, what the plan did is taken back, so that neither a failure
// nor an interrupt leaves a container, network or volume half made. Only after *SlowError, when the server may still come, all stays.
func (a *Applier) Apply(ctx context.Context, p Plan) error {
	r := &run{applier: a, plan: p, done: make([]chan struct{}, len(p.Steps))}
	for i := range r.done {
		r.done[i] = make(chan struct{})
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var all sync.WaitGroup
	for i := range p.Steps {
		all.Go(func() {
			defer crash.Recover()
			if err := r.step(ctx, i); err != nil {
				cancel(err)
			}
		})
	}
	all.Wait()
	err := context.Cause(ctx)
	if err != nil && !errors.As(err, new(*SlowError)) {
		r.undo(err)
	}
	return err
}

// run is one Apply under way.
type run struct {
	applier *Applier
	plan    Plan
	done    []chan struct{} // closed when the step succeeded, and never otherwise

	mu    sync.Mutex
	begun []int // steps in the order they began
}

// step carries out one step once all it needs succeeded. A step that never began because ctx ended says nothing.
func (r *run) step(ctx context.Context, i int) error {
	s := &r.plan.Steps[i]
	for _, need := range s.needs {
		select {
		case <-r.done[need]:
		case <-ctx.Done():
			return nil
		}
	}
	if ctx.Err() != nil {
		return nil
	}
	r.mu.Lock()
	r.begun = append(r.begun, i)
	r.mu.Unlock()
	begin := time.Now()
	r.report(Event{Kind: StepStarted, Step: s, Service: s.Service})
	report := func(e Event) {
		e.Step, e.Service = s, s.Service
		r.report(e)
	}
	if err := r.applier.carryOut(ctx, *s, report); err != nil {
		r.report(Event{Kind: StepFailed, Step: s, Service: s.Service, Elapsed: time.Since(begin), Text: err.Error()})
		return err
	}
	r.report(Event{Kind: StepDone, Step: s, Service: s.Service, Elapsed: time.Since(begin)})
	close(r.done[i])
	return nil
}

func (r *run) report(e Event) {
	if r.applier.Report == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.applier.Report(e)
}

// do has the engine carry out a step within limit.
func (a *Applier) do(ctx context.Context, s Step, limit time.Duration, report func(Event)) error {
	bounded, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	err := a.Engine.Do(bounded, s, report)
	if err != nil && bounded.Err() != nil && ctx.Err() == nil {
		return &EngineGoneError{fmt.Errorf("%s %s: no answer within %s", s.Action, s.Target, limit)}
	}
	return err
}

// carryOut does one step. One that makes something is not cut off by the end of ctx: the engine would go on with it all the same,
// and could be done after undo had looked for what it made.
func (a *Applier) carryOut(ctx context.Context, s Step, report func(Event)) error {
	switch {
	case s.Action.undo() != "":
		return a.do(context.WithoutCancel(ctx), s, makeTime, report)
	case s.Action == Pull || s.Action == Load: // an image takes what it takes, and tells how far it is
		return a.Engine.Do(ctx, s, report)
	case s.Action == RemoveImage:
		err := a.do(ctx, s, changeTime, report)
		if errors.As(err, new(*ForeignError)) { // somebody gave its name to another image, so ours is not there to be removed
			report(Event{Kind: Note, Text: err.Error()})
			return nil
		}
		return err
	case s.Action != Wait:
		return a.do(ctx, s, changeTime+2*s.Grace, report) // the database inside a container has the grace too, before it
	}
	waits := ctx
	if a.Bound != nil {
		var cancel context.CancelFunc
		waits, cancel = a.Bound(ctx)
		defer cancel()
	}
	if s.Condition == Ready {
		return a.Ready(waits)
	}
	err := a.await(ctx, waits, s)
	if gone := errors.As(err, new(*DiedError)) || errors.As(err, new(*UnmetError)); gone && s.Optional && waits.Err() == nil {
		report(Event{Kind: Note, Text: fmt.Sprintf("%v\nit is not required, so up goes on without it", err)})
		return nil
	}
	return err
}

// undo takes back what the plan did, last first: what it started is stopped, what it made is removed. Nobody has used any of it:
// the server never said it was ready, so a volume made here holds at most a database half set up, which would fail the next start.
// A step that was under way when its context ended may have been done by the engine all the same, so it counts.
func (r *run) undo(cause error) {
	ctx, cancel := context.WithTimeout(context.Background(), undoTime)
	defer cancel()
	for _, i := range slices.Backward(r.begun) {
		s := r.plan.Steps[i]
		back := Step{
			Action: s.Action.undo(), Target: s.Target, Service: s.Service, Project: s.Project,
			Cause: "up did not finish: " + cause.Error(), Grace: undoGrace, Database: s.Database, Anonymous: true,
		}
		if stuck := (*StuckError)(nil); errors.As(cause, &stuck) && stuck.Container == s.Target {
			back.Grace = stuckGrace
		}
		if back.Action == "" {
			continue
		}
		err := r.applier.Engine.Do(ctx, back, nil)
		if errors.As(err, new(*UnreachableError)) || errors.As(err, new(*EngineGoneError)) {
			r.report(Event{Kind: Note, Text: "the engine is gone, so what was made could not be taken back; when it answers again: letta-dev down"})
			return
		}
		if err != nil && !errors.As(err, new(*ForeignError)) {
			r.report(Event{Kind: Note, Text: fmt.Sprintf("after a failed %s, %s: %v", s.Action, back.Action, err)})
		}
	}
}

// undo is the action that takes back what a does; empty where there is nothing to take back. An image that was pulled stays.
func (a Action) undo() Action {
	switch a {
	case Start:
		return Stop
	case Create:
		return Remove
	case CreateNetwork:
		return RemoveNetwork
	case CreateVolume:
		return RemoveVolume
	}
	return ""
}
