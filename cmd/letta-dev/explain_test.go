package main

import (
	"bytes"
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
