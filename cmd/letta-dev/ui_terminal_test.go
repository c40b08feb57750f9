package main

import (
	"strings"
	"testing"
	"time"
)

// A command may fail before the drawing has begun, or end in the middle of a frame: either way close returns, and nothing is drawn
// after it.
func TestCloseEndsTheDrawing(t *testing.T) {
	for range 1000 {
		var stderr strings.Builder
		a := &app{stdout: &strings.Builder{}, stderr: &stderr, now: time.Now}
		a.env = func(string) (string, bool) { return "", false }
		a.global.progress = "tty"
		u := newUI(a)
		u.begin("image", "pulling")
		u.close()
		end := stderr.Len() // the race detector watches a frame that comes later
		u.close()
		if stderr.Len() != end {
			t.Fatalf("a second close wrote %q", stderr.String()[end:])
		}
	}
}
