package orchestrator_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/letta-dev/letta-dev/orchestrator"
	"github.com/letta-dev/letta-dev/orchestrator/enginetest"
)

// waitsForRedis is a server whose start script waits for the Redis inside it, so many rounds, and then goes on if it comes.
func waitsForRedis(rounds int, comes bool) func(context.Context, enginetest.Process) int {
	return func(ctx context.Context, p enginetest.Process) int {
		fmt.Fprintln(p.Stdout, "No external Redis configuration detected, starting internal Redis...")
		for range rounds {
			fmt.Fprintln(p.Stdout, "Waiting for Redis to be ready...")
		}
		if comes {
			fmt.Fprintln(p.Stdout, "Using internal Redis at: localhost")
			return letta{}.run(ctx, p)
		}
		select {
		case <-ctx.Done():
		case <-p.Killed:
		}
		return 0
	}
}

// A Redis that has ended, as of a broken dump, ends up too. Its start script says nothing but that it waits.
func TestUpOfAStuckRedis(t *testing.T) {
	l := newLab(t, waitsForRedis(30, false))
	err := l.up(t, t.Context())
	var stuck *orchestrator.StuckError
	if !errors.As(err, &stuck) || !strings.Contains(err.Error(), "the Redis inside it does not start") || !strings.HasPrefix(stuck.Hint(), "letta-dev down && letta-dev up") {
		t.Errorf("got %v", err)
	}
	l.nothing(t)
}

// One that takes its time is waited for.
func TestUpOfASlowRedis(t *testing.T) {
	if err := newLab(t, waitsForRedis(29, true)).up(t, t.Context()); err != nil {
		t.Error(err)
	}
}
