package main

import (
	"os"
	"os/user"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// Under sudo the authority is that of the user behind it, and what runs is root's.
func TestAuthorityOfTheUserBehindSudo(t *testing.T) {
	nobody, err := user.Lookup("nobody")
	if err != nil || os.Geteuid() != 0 || runtime.GOOS == "windows" {
		t.Skip("NOT TESTED: the authority under sudo. It needs root, and a user nobody")
	}
	t.Setenv("SUDO_UID", nobody.Uid)
	vars := map[string]string{"HOME": "/root", "SUDO_UID": nobody.Uid}
	a := &app{env: func(name string) (string, bool) { v, ok := vars[name]; return v, ok }}
	p, err := a.paths("mine")
	if err != nil || p.Certs != filepath.Join(nobody.HomeDir, ".local/share/letta-dev/certs") || p.State != "/root/.local/state/letta-dev/mine" {
		t.Errorf("under sudo: %+v, %v", p, err)
	}
	delete(vars, "SUDO_UID")
	if p, err := a.paths("mine"); err != nil || p.Certs != "/root/.local/share/letta-dev/certs" {
		t.Errorf("without: %+v, %v", p, err)
	}
}

// A state folder whose path is too long for a socket gets one elsewhere, and never in a folder that others can enter or made.
func TestSocketOfALongPath(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("modes are not Windows's way")
	}
	short, err := os.MkdirTemp("/tmp", "run") // t.TempDir may be too long itself
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(short) })
	runtimeDir := short
	env := environment(func(name string) (string, bool) { return runtimeDir, name == "XDG_RUNTIME_DIR" || name == "TMPDIR" })
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
	runtimeDir = short + "/" + strings.Repeat("long/", 30)
	t.Setenv("TMPDIR", runtimeDir)
	path, err = p.socket(env)
	if err != nil || len(path) > maxSocketPath {
		t.Errorf("where every folder that is set is as long: %q, %v", path, err)
	}
	_ = os.Remove(filepath.Dir(path))
}
