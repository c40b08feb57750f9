package main

import (
	"bytes"
	"io"
	"strings"
	"testing"

	"github.com/letta-dev/letta-dev/orchestrator"
)

// An `up` in the foreground reports the start of a container and, at its end, the stop of it.
func TestStopAfterStartIsAStop(t *testing.T) {
	var talk bytes.Buffer
	a := &app{stdout: io.Discard, stderr: &talk, now: noon, global: globalFlags{color: "never", progress: "plain"},
		env: func(string) (string, bool) { return "", false }}
	u := newUI(a)
	report := func(kind orchestrator.EventKind, action orchestrator.Action) {
		u.step(orchestrator.Event{Kind: kind, Step: &orchestrator.Step{Action: action, Target: "server"}})
	}
	report(orchestrator.StepStarted, orchestrator.Start)
	report(orchestrator.StepDone, orchestrator.Start)
	u.settle()
	report(orchestrator.StepStarted, orchestrator.Stop)
	report(orchestrator.StepDone, orchestrator.Stop)
	u.settle()
	lines := strings.Split(strings.TrimSpace(talk.String()), "\n")
	if last := lines[len(lines)-1]; !strings.HasSuffix(last, "stopped") || !strings.Contains(talk.String(), "started in") {
		t.Errorf("said:\n%s", &talk)
	}
}
