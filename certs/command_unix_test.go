//go:build unix

package certs

import (
	"testing"
	"time"
)

// A tool that waits for an answer is ended and reported, and its children with it: they would keep its output open.
func TestCommandsAreEnded(t *testing.T) {
	began := time.Now()
	_, err := run(t.Context(), Command{Argv: []string{"sh", "-c", "sleep 60 & wait"}, Limit: 50 * time.Millisecond})
	wantHint(t, err, "no end after 50ms", "sleep 60")
	if took := time.Since(began); took > outputLimit/2 {
		t.Errorf("took %s", took)
	}
}

// A tool in a session of its own has no terminal to ask at. One that may ask keeps ours.
func TestCommandsHaveNoTerminal(t *testing.T) {
	leads := Command{Argv: []string{"sh", "-c", `[ "$(ps -o sid= -p $$ | tr -d ' ')" = $$ ]`}, Limit: time.Minute}
	if _, err := run(t.Context(), leads); err != nil {
		t.Errorf("it runs in our session: %v", err)
	}
	leads.Terminal = true
	if _, err := run(t.Context(), leads); err == nil {
		t.Error("one that may ask was cut off")
	}
}

// A tool that writes without end is ended long before memory is.
func TestCommandsThatWriteWithoutEnd(t *testing.T) {
	for script, most := range map[string]string{"yes": "16384 KiB", "yes >&2": "64 KiB"} {
		out, err := run(t.Context(), Command{Argv: []string{"sh", "-c", script + " & wait"}, Limit: time.Minute})
		wantHint(t, err, "it was ended, because it wrote more than "+most, "yes")
		if len(out) > maxStdout {
			t.Errorf("%s: %d bytes are kept", script, len(out))
		}
	}
}
