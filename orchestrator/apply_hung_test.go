package orchestrator_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/letta-dev/letta-dev/orchestrator"
)

// hungEngine takes every step and answers none.
type hungEngine struct{ orchestrator.Engine }

func (hungEngine) Do(ctx context.Context, _ orchestrator.Step, _ func(orchestrator.Event)) error {
	<-ctx.Done()
	return ctx.Err()
}

// Whatever the engine is asked to do has an end, and the error names it. An image takes what it takes.
func TestApplySaysThatTheEngineHangs(t *testing.T) {
	for action, limit := range map[orchestrator.Action]time.Duration{
		orchestrator.CreateNetwork: time.Minute,
		orchestrator.Create:        time.Minute,
		orchestrator.Start:         time.Minute,
		orchestrator.Stop:          6 * time.Minute, // with the grace, once for a database inside
		orchestrator.Remove:        6 * time.Minute,
		orchestrator.RemoveVolume:  6 * time.Minute,
		orchestrator.Unpause:       6 * time.Minute,
		orchestrator.Join:          6 * time.Minute,
	} {
		synctest.Test(t, func(t *testing.T) {
			applier := &orchestrator.Applier{Engine: hungEngine{}}
			begin := time.Now()
			err := applier.Apply(t.Context(), orchestrator.Plan{Steps: []orchestrator.Step{{Action: action, Target: "it", Grace: 30 * time.Second}}})
			var gone *orchestrator.EngineGoneError
			if !errors.As(err, &gone) || !strings.Contains(err.Error(), string(action)+" it: no answer within ") {
				t.Errorf("%s: an engine that does not answer ends Apply with %v", action, err)
			}
			if took := time.Since(begin); took > limit+time.Minute { // and the minute of what takes it back
				t.Errorf("%s: it ended after %s, want %s", action, took, limit)
			}
		})
	}
}

// An engine that stopped answering is told in one line: where it was and why, for others give that line as their cause.
func TestGoneEngineIsToldInOneLine(t *testing.T) {
	const host = "unix:///run/user/1000/docker.sock"
	gone := &orchestrator.EngineGoneError{Err: &orchestrator.UnreachableError{
		Tried: []orchestrator.Attempt{{Host: host, Found: "DOCKER_HOST", Err: errors.New("connection refused")}}, Advice: "unset DOCKER_HOST",
	}}
	if got, want := gone.Error(), "the container engine at "+host+" stopped answering: connection refused"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if got, want := gone.Hint(), "docker --host "+host+" version"; got != want {
		t.Errorf("advice %q, want %q", got, want)
	}
}
