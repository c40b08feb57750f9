package main

import (
	"path/filepath"
	"testing"
)

// A background process works in a folder in which nobody stands: its advice names the program by its whole path.
func TestAdviceOfTheBackground(t *testing.T) {
	dir := t.TempDir()
	exe := filepath.Join(dir, "bin", "not-in-the-path")
	a := &app{dir: dir, exe: exe, env: func(string) (string, bool) { return "", false }}
	for background, want := range map[bool]string{true: exe, false: "." + string(filepath.Separator) + filepath.Join("bin", "not-in-the-path")} {
		s := &serving{app: a, cfg: serveConfig{Project: "p", Background: background}}
		if got := s.typist(t.Context())("letta-dev status"); got != want+" status --project p" {
			t.Errorf("in the background %v: %q", background, got)
		}
	}
}
