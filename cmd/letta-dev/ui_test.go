package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/letta-dev/letta-dev/orchestrator"
)

// There is one envelope, whatever comes after it, and what a failing command knows stands in it beside the error.
func TestOneEnvelope(t *testing.T) {
	for name, command := range map[string]func(*ui){
		"data of a failure": func(u *ui) { u.data = "known" },
		"answered before":   func(u *ui) { _ = u.answer("status", "known", func(io.Writer) {}) },
	} {
		t.Run(name, func(t *testing.T) {
			var answer, talk bytes.Buffer
			u := newUI(&app{stdout: &answer, stderr: &talk, now: noon, global: globalFlags{json: true},
				env: func(string) (string, bool) { return "", false }})
			command(u)
			u.fail("status", explain(errors.New("boom")))
			var e envelope
			decoder := json.NewDecoder(&answer)
			if err := decoder.Decode(&e); err != nil || e.Data != "known" {
				t.Errorf("%+v, %v", e, err)
			}
			if decoder.More() {
				t.Error("a second envelope")
			}
			if !strings.Contains(talk.String(), "boom") {
				t.Errorf("said %q", &talk)
			}
		})
	}
}

// The server's own log is shown while it starts where --progress plain was typed, and gives the terminal no orders.
func TestServerLogWhereItWasAskedFor(t *testing.T) {
	for progress, want := range map[string]string{"plain": `server       | \x1b[2Jstarting`, "auto": "", "quiet": ""} {
		var talk bytes.Buffer
		u := newUI(&app{stdout: io.Discard, stderr: &talk, now: noon, global: globalFlags{progress: progress},
			env: func(string) (string, bool) { return "", false }})
		u.stage("server", orchestrator.Event{Kind: orchestrator.ServerLog, Text: "\x1b[2Jstarting"})
		if got := strings.TrimSpace(talk.String()); got != want {
			t.Errorf("--progress %s shows %q, want %q", progress, got, want)
		}
	}
}
