package orchestrator_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/letta-dev/letta-dev/orchestrator"
	"github.com/letta-dev/letta-dev/orchestrator/enginetest"
)

// fullDisk is a server whose Postgres ends for want of space while full says so, and which its start script then waits for.
func fullDisk(full *atomic.Bool, resumed <-chan struct{}) func(context.Context, enginetest.Process) int {
	return func(ctx context.Context, p enginetest.Process) int {
		if !full.Load() {
			return letta{}.run(ctx, p)
		}
		fmt.Fprintln(p.Stdout, "No external Postgres configuration detected, starting internal PostgreSQL...")
		fmt.Fprintln(p.Stderr, `FATAL:  could not write to file "pg_wal/xlogtemp.34": No space left on device`)
		for range 4 {
			fmt.Fprint(p.Stdout, "localhost:5432 - no response\nWaiting for PostgreSQL to be ready...\n")
		}
		select {
		case <-resumed:
			return letta{}.run(ctx, p)
		case <-ctx.Done():
		case <-p.Killed:
		}
		return 0
	}
}

// A Postgres that cannot start ends up at once, with its cause, and leaves nothing behind.
func TestUpOfAStuckServer(t *testing.T) {
	var full atomic.Bool
	full.Store(true)
	l := newLab(t, fullDisk(&full, nil))
	err := l.up(t, t.Context())
	var stuck *orchestrator.StuckError
	if !errors.As(err, &stuck) || !strings.Contains(stuck.Cause, "disk is full") || stuck.Hint() == "" || len(stuck.Lines) != 1 {
		t.Errorf("got %v", err)
	}
	l.nothing(t)
}

// When the cause is gone the next up starts the same container anew; until then it ends as the first did, and the container is stopped.
func TestUpAfterAStuckServer(t *testing.T) {
	var full atomic.Bool
	l := newLab(t, fullDisk(&full, nil))
	if err := l.up(t, t.Context()); err != nil {
		t.Fatal(err)
	}
	full.Store(true)
	id := l.observe(t).Containers[0].ID
	for _, a := range []orchestrator.Action{orchestrator.Stop, orchestrator.Start} { // past up, as the engine does after a reboot
		if err := l.Do(t.Context(), orchestrator.Step{Action: a, Target: "letta-server", Project: "p"}, nil); err != nil {
			t.Fatal(err)
		}
	}
	until(t, l.follower, "stuck", func(s orchestrator.State) bool {
		return s.Phase == orchestrator.PhaseUnhealthy && errors.As(s.Err, new(*orchestrator.StuckError))
	})
	if err := l.up(t, t.Context()); !errors.As(err, new(*orchestrator.StuckError)) {
		t.Errorf("the disk is still full: %v", err)
	}
	full.Store(false)
	if err := l.up(t, t.Context()); err != nil {
		t.Fatal(err)
	}
	if have := l.observe(t); have.Containers[0].ID != id {
		t.Error("the container was made anew")
	}
}

// The follower believes a server that answers after all.
func TestFollowStuckAndMended(t *testing.T) {
	var full atomic.Bool
	full.Store(true)
	resumed := make(chan struct{})
	l := newLab(t, fullDisk(&full, resumed))
	l.follower = l.follow(t, orchestrator.Target{Project: "p"})
	done := make(chan error, 1)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	plan, err := orchestrator.Diff(l.want, l.observe(t))
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		done <- (&orchestrator.Applier{Engine: l, Ready: func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }}).Apply(ctx, plan)
	}()
	until(t, l.follower, "stuck", func(s orchestrator.State) bool { return errors.As(s.Err, new(*orchestrator.StuckError)) })
	close(resumed)
	until(t, l.follower, "ready", ready)
	cancel()
	<-done
}
