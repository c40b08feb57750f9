package main

import (
	"context"
	"strings"
	"sync"
	"time"

	"github.com/letta-dev/letta-dev/crash"
	"github.com/letta-dev/letta-dev/orchestrator"
)

// ends writes the ends of a project's containers into its journal. While a process serves the project that is its work; down, and the
// end of a foreground up, stop containers after it has gone.
type ends struct {
	journal *journal
	project string
	stop    context.CancelFunc
	watched sync.WaitGroup

	mu      sync.Mutex
	pending map[string]string // the last event of each container that the plan ends
	all     chan struct{}     // closed when all have come
}

// recordEnds begins to record what the engine tells, and returns when the plan may be carried out. Its end waits until the engine has told
// of all that the plan did, unless that failed. why is the command that ends them.
func (a *app) recordEnds(ctx context.Context, engine orchestrator.Engine, files paths, plan orchestrator.Plan, why string) (end func(failed error)) {
	nothing := func(error) {}
	if free, err := files.isFree(); len(plan.Steps) == 0 || !free || err != nil {
		return nothing
	}
	j, err := openJournal(files.journal(), files.Owner, a.now)
	if err != nil {
		a.ui.warn("what ends now will not be in `letta-dev logs`: %v", err)
		return nothing
	}
	e := &ends{journal: j, project: plan.Steps[0].Project, pending: map[string]string{}, all: make(chan struct{})}
	said := why + ":"
	for _, s := range plan.Steps {
		said += " " + string(s.Action) + " " + s.Target + ","
		switch s.Action {
		case orchestrator.Stop:
			e.pending[s.Target] = "stop"
		case orchestrator.Remove:
			e.pending[s.Target] = "destroy"
		}
	}
	j.add(journalEntry{Time: a.now(), Source: sourceEngine, Line: strings.TrimSuffix(said, ",")})
	ctx, e.stop = context.WithCancel(ctx)
	listening := make(chan struct{})
	e.watched.Go(func() {
		defer crash.Recover()
		ready := sync.OnceFunc(func() { close(listening) })
		defer ready() // an engine that tells of nothing costs the events, not the command
		_ = engine.Watch(ctx, ready, e.take)
	})
	<-listening
	return e.end
}

// take records an event, and notes the last one of a container.
func (e *ends) take(h orchestrator.Happening) {
	if !h.Labels.Ours(e.project) {
		return
	}
	e.journal.engine(h)
	e.mu.Lock()
	defer e.mu.Unlock()
	if last, known := e.pending[h.Name]; known && last == h.Action {
		delete(e.pending, h.Name)
		if len(e.pending) == 0 {
			close(e.all)
		}
	}
}

// endsTime bounds the wait for what the engine tells of a plan that is carried out.
const endsTime = 2 * time.Second

func (e *ends) end(failed error) {
	e.mu.Lock()
	waits := len(e.pending) > 0 && failed == nil
	e.mu.Unlock()
	if waits {
		select {
		case <-e.all:
		case <-time.After(endsTime):
		}
	}
	e.stop()
	e.watched.Wait()
	_ = e.journal.close() // what could not be written is no reason to fail
}
