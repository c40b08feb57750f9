package main

import (
	"testing"

	"github.com/letta-dev/letta-dev/orchestrator"
	"github.com/letta-dev/letta-dev/orchestrator/demo"
)

// The demo and the orchestrator do not know each other: what both say of the demo's image is held together here.
func TestDemoImageIsKnownByItsLabel(t *testing.T) {
	if orchestrator.LabelDemo != demo.HashLabel {
		t.Errorf("the demo's image has label %q, and the orchestrator looks for %q", demo.HashLabel, orchestrator.LabelDemo)
	}
}
