package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// TestStateProblem has an advice for each way in which a state folder cannot be used; those that need another user than root stand here.
func TestStateProblem(t *testing.T) {
	home := t.TempDir()
	ours := filepath.Join(home, "state")
	if err := os.Mkdir(ours, 0o700); err != nil {
		t.Fatal(err)
	}
	notes, inOurs := filepath.Join(home, "notes"), filepath.Join(ours, "letta-dev")
	for _, file := range []string{notes, inOurs} {
		if err := os.WriteFile(file, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	p := paths{State: filepath.Join(ours, "letta-dev", "p"), Home: home}
	for name, tc := range map[string]struct {
		errno syscall.Errno
		path  string
		want  string
	}{
		"read-only":          {syscall.EROFS, p.State, "export XDG_STATE_HOME=/path/to/a/folder/of/yours  # one that you can write to"},
		"too long":           {syscall.ENAMETOOLONG, p.State, "export XDG_STATE_HOME=/path/to/a/folder/of/yours  # one that you can write to"},
		"our own, forbidden": {syscall.EACCES, ours, "chmod u+rwX " + ours},
		"outside of home":    {syscall.EACCES, "/letta-dev/p", "export XDG_STATE_HOME=/path/to/a/folder/of/yours  # one that you can write to"},
		"a device":           {syscall.ENOTDIR, os.DevNull, "export XDG_STATE_HOME=/path/to/a/folder/of/yours  # one that you can write to"},
		"the user's file":    {syscall.ENOTDIR, notes, "export XDG_STATE_HOME=/path/to/a/folder/of/yours  # one that you can write to"},
		"a file of our name": {syscall.ENOTDIR, inOurs, "mv -i " + inOurs + " " + inOurs + ".old  # it is a file, where a folder has to be"},
		"the home is a file": {syscall.ENOTDIR, filepath.Join(home, "a-file"), homeHint},
	} {
		p := p
		if tc.want == homeHint {
			p.Home = tc.path
			if err := os.WriteFile(tc.path, nil, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		e := explain(p.stateProblem("making it", &fs.PathError{Op: "mkdir", Path: tc.path, Err: tc.errno}))
		if e.Hint != tc.want || e.Exit != exitNotReady || e.Code != "state-unusable" {
			t.Errorf("%s: the advice is %q, code %s, exit %d, want %q", name, e.Hint, e.Code, e.Exit, tc.want)
		}
	}
	if os.Getuid() != 0 {
		t.Skip("NOT TESTED: a folder of another user, which only root can make")
	}
	if err := os.Chown(ours, 65534, 65534); err != nil {
		t.Fatal(err)
	}
	e := explain(p.stateProblem("making it", &fs.PathError{Op: "mkdir", Path: ours, Err: syscall.EACCES}))
	if want := `sudo chown -R "$(id -un)" ` + ours + "  # it belongs to another user"; e.Hint != want {
		t.Errorf("a folder of another user: the advice is %q, want %q", e.Hint, want)
	}
	if full := explain(p.stateProblem("making it", &fs.PathError{Op: "mkdir", Path: p.State, Err: syscall.EDQUOT})); full.Code != "disk-full" {
		t.Errorf("no room for this user: code %s, want disk-full", full.Code)
	}
}
