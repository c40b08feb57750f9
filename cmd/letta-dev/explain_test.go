package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/letta-dev/letta-dev/orchestrator"
)

// What a container wrote is shown when it dies, and gives the terminal no orders, colours or not.
func TestErrorsGiveTheTerminalNoOrders(t *testing.T) {
	hostile := "\x1b]0;title\a\x1b[2J\u202etxt"
	death := &orchestrator.DiedError{Container: "c", Stage: "boot", Lines: []string{"first", hostile}}
	var talk bytes.Buffer
	a := &app{stdout: io.Discard, stderr: &talk, now: noon, global: globalFlags{color: "always", progress: "plain"},
		env: func(string) (string, bool) { return "", false }}
	u := newUI(a)
	u.warn("beside %s\nthe second line", hostile)
	u.fail("up", explain(death))
	said := strings.ReplaceAll(talk.String(), markWarn().String(), "!")
	if strings.ContainsAny(said, "\x1b\a\u202e") {
		t.Errorf("orders to the terminal in %q", said)
	}
	for _, want := range []string{"\n  first\n", `\x1b]0;title\a\x1b[2J\u202etxt` + "\n", "\nthe second line\n"} {
		if !strings.Contains(said, want) {
			t.Errorf("%q is not in %q", want, said)
		}
	}
}

// What Ctrl-C interrupts is told as an interrupt, and not as a fault of what was under way.
func TestAnInterruptIsTheCause(t *testing.T) {
	files := paths{State: "/state"}
	for name, err := range map[string]error{
		"a lock":        files.stateProblem("locking the project", context.Canceled),
		"an engine":     &orchestrator.UnreachableError{Tried: []orchestrator.Attempt{{Host: "unix:///a", Err: context.Canceled}}, Advice: "docker version"},
		"a kept engine": &keptEngineError{"p", "unix:///a", &orchestrator.UnreachableError{Tried: []orchestrator.Attempt{{Err: context.Canceled}}}},
		"a pull":        &orchestrator.PullError{Image: "i", Err: fmt.Errorf("reading: %w", context.Canceled)},
		"a server":      &orchestrator.NoAnswerError{URL: "http://a", Err: context.Canceled},
		"the authority": &dataError{error: context.Canceled},
	} {
		e := explain(err)
		if e.Exit != exitInterrupted || e.Code != "interrupted" || e.Hint != "" || !strings.HasPrefix(e.Message, "interrupted;") {
			t.Errorf("%s: exit %d, code %s, %q, hint %q", name, e.Exit, e.Code, e.Message, e.Hint)
		}
	}
	if e := explain(errors.Join(&stoppedError{"p"}, context.Canceled)); e.Code != "stopped" {
		t.Errorf("ended by another command: code %s", e.Code)
	}
}
