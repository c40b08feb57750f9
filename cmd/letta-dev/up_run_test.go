package main

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/letta-dev/letta-dev/compose"
)

// Ctrl-C ends the serving process in this one too, and its silence is not what happened.
func TestSettledAfterCtrlC(t *testing.T) {
	ctx, interrupt := context.WithCancel(t.Context())
	interrupt()
	r := &upRun{app: &app{}, project: &compose.Project{}, files: paths{State: t.TempDir()}, waits: &waitLimit{limit: time.Hour}}
	if _, err := r.settled(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}
