package main

import (
	"errors"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
)

// Under sudo all files are those of the user behind it, wherever sudo has put HOME.
func TestFilesOfTheUserBehindSudo(t *testing.T) {
	nobody, err := user.Lookup("nobody")
	if err != nil || os.Geteuid() != 0 || runtime.GOOS == "windows" {
		t.Skip("NOT TESTED: whose files are used under sudo. It needs root, and a user nobody")
	}
	t.Setenv("SUDO_UID", nobody.Uid)
	theirs, roots := t.TempDir(), t.TempDir()
	uid, _ := strconv.Atoi(nobody.Uid)
	if err := os.Chown(theirs, uid, -1); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ variable, value, state, certs string }{
		{"SUDO_UID", nobody.Uid, nobody.HomeDir + "/.local/state/letta-dev/mine", nobody.HomeDir + "/.local/share/letta-dev/certs"},
		{"XDG_STATE_HOME", roots, nobody.HomeDir + "/.local/state/letta-dev/mine", nobody.HomeDir + "/.local/share/letta-dev/certs"},
		{"XDG_STATE_HOME", theirs, theirs + "/letta-dev/mine", nobody.HomeDir + "/.local/share/letta-dev/certs"},
		{"XDG_DATA_HOME", theirs, nobody.HomeDir + "/.local/state/letta-dev/mine", theirs + "/letta-dev/certs"},
		{"SUDO_UID", "", "/root/.local/state/letta-dev/mine", "/root/.local/share/letta-dev/certs"},
	} {
		vars := map[string]string{"HOME": "/root", "SUDO_UID": nobody.Uid}
		vars[tt.variable] = tt.value
		a := &app{env: func(name string) (string, bool) { v, ok := vars[name]; return v, ok }}
		p, err := a.paths("mine")
		if err != nil || p.Certs != tt.certs || p.State != tt.state || (p.Owner == nil) != (tt.value == "") {
			t.Errorf("with %s=%s: %+v, %v", tt.variable, tt.value, p, err)
		}
	}
}

// A state folder whose path is too long for a socket gets one elsewhere, and never in a folder that others can enter or made.
func TestSocketOfALongPath(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("modes are not Windows's way")
	}
	p := paths{State: filepath.Join(t.TempDir(), strings.Repeat("long/", 30))}
	path := p.socket()
	dir := filepath.Dir(path)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	t.Setenv("TMPDIR", t.TempDir())
	t.Setenv("XDG_RUNTIME_DIR", t.TempDir())
	if again := p.socket(); again != path {
		t.Errorf("in another shell %q", again)
	}
	if _, err := (&app{}).ask(t.Context(), p, "GET", "/status"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("asked where no process serves: %v", err)
	}
	if _, err := os.Lstat(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("to ask has made a folder: %v", err)
	}
	if err := p.makeSocketFolder(); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := p.makeSocketFolder(); !is[*strangeFolderError](err) {
		t.Errorf("a folder that others can enter: %v", err)
	}
	if err := os.Remove(dir); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(t.TempDir(), dir); err != nil {
		t.Fatal(err)
	}
	if err := p.makeSocketFolder(); !is[*strangeFolderError](err) {
		t.Errorf("a link in its place: %v", err)
	}
}
