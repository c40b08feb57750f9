package orchestrator_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/letta-dev/letta-dev/orchestrator"
)

// hungEngine takes every step and answers none.
type hungEngine struct{ orchestrator.Engine }

func (hungEngine) Do(ctx context.Context, _ orchestrator.Step, _ func(orchestrator.Event)) error {
	<-ctx.Done()
	return ctx.Err()
}

func TestApplySaysThatTheEngineHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		applier := &orchestrator.Applier{Engine: hungEngine{}}
		err := applier.Apply(t.Context(), orchestrator.Plan{Steps: []orchestrator.Step{{Action: orchestrator.CreateNetwork, Target: "net"}}})
		var gone *orchestrator.EngineGoneError
		if !errors.As(err, &gone) || !strings.Contains(err.Error(), "create network net") {
			t.Errorf("an engine that does not answer ends Apply with %v", err)
		}
	})
}
