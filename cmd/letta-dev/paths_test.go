package main

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// A state folder whose path is too long for a socket gets one elsewhere, and never in a folder that others can enter or made.
func TestSocketOfALongPath(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("modes are not Windows's way")
	}
	runtimeDir := t.TempDir()
	env := environment(func(name string) (string, bool) { return runtimeDir, name == "XDG_RUNTIME_DIR" })
	p := paths{State: "/" + strings.Repeat("long/", 30)}
	path, err := p.socket(env)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := p.socket(env); err != nil || again != path {
		t.Errorf("the second time %q, %v", again, err)
	}
	dir := filepath.Dir(path)
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := p.socket(env); !is[*strangeFolderError](err) {
		t.Errorf("a folder that others can enter: %v", err)
	}
	if err := os.Remove(dir); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(t.TempDir(), dir); err != nil {
		t.Fatal(err)
	}
	if _, err := p.socket(env); !is[*strangeFolderError](err) {
		t.Errorf("a link in its place: %v", err)
	}
}
