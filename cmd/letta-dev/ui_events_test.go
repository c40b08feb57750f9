package main

import (
	"bytes"
	"io"
	"strings"
	"testing"
	"time"

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

// The row of a container that is made again has the stages of the new one alone, of which the first begins when the old log is still read.
func TestStagesAreThoseOfTheLastRun(t *testing.T) {
	var talk bytes.Buffer
	u := newUI(&app{stdout: io.Discard, stderr: &talk, now: noon, global: globalFlags{color: "never", progress: "plain"},
		env: func(string) (string, bool) { return "", false }})
	step := func(kind orchestrator.EventKind, action orchestrator.Action) {
		u.step(orchestrator.Event{Kind: kind, Step: &orchestrator.Step{Action: action, Target: "server", Condition: "service_healthy"}})
	}
	run := func(took time.Duration) {
		before := orchestrator.StageBoot
		for _, stage := range []string{orchestrator.StagePostgres, orchestrator.StageMigrate, orchestrator.StageServer} {
			u.stage("server", orchestrator.Event{Kind: orchestrator.Stage, Text: stage, Ended: before, Elapsed: took})
			before = stage
		}
	}
	run(0) // the log of the one that runs is read again
	step(orchestrator.StepStarted, orchestrator.Remove)
	u.stage("server", orchestrator.Event{Kind: orchestrator.Stage, Text: orchestrator.StageServer, Ended: orchestrator.StageMigrate})
	step(orchestrator.StepDone, orchestrator.Remove)
	step(orchestrator.StepStarted, orchestrator.Start)
	run(3 * time.Second)
	step(orchestrator.StepDone, orchestrator.Wait)
	lines := strings.Split(strings.TrimSpace(talk.String()), "\n")
	if last := lines[len(lines)-1]; !strings.HasSuffix(last, "server       postgres 3.0 s · migrate 3.0 s · healthy in 0.0 s") {
		t.Errorf("said:\n%s", &talk)
	}
}

// A server that ran already and is unpaused, or put into its network again, has not gone through the stages that its log tells of.
func TestMendedServerShowsNoStages(t *testing.T) {
	for _, mend := range []orchestrator.Action{orchestrator.Unpause, orchestrator.Join, orchestrator.Leave} {
		var talk bytes.Buffer
		u := newUI(&app{stdout: io.Discard, stderr: &talk, now: noon, global: globalFlags{color: "never", progress: "plain"},
			env: func(string) (string, bool) { return "", false }})
		step := func(kind orchestrator.EventKind, action orchestrator.Action) {
			u.step(orchestrator.Event{Kind: kind, Step: &orchestrator.Step{Action: action, Target: "server", Condition: "service_ready"}})
		}
		ended := func(stage, next string) {
			u.stage("server", orchestrator.Event{Kind: orchestrator.Stage, Text: next, Ended: stage, Elapsed: 2 * time.Minute})
		}
		ended(orchestrator.StagePostgres, orchestrator.StageServer) // its log is read before the step and after it
		step(orchestrator.StepStarted, mend)
		step(orchestrator.StepDone, mend)
		step(orchestrator.StepStarted, orchestrator.Wait)
		ended(orchestrator.StageServer, orchestrator.StageReady)
		step(orchestrator.StepDone, orchestrator.Wait)
		lines := strings.Split(strings.TrimSpace(talk.String()), "\n")
		if last := lines[len(lines)-1]; !strings.HasSuffix(last, "server       ready in 0.0 s") {
			t.Errorf("%s: said:\n%s", mend, &talk)
		}
	}
}
