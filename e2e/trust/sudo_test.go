//go:build e2e && linux

package trust

import (
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// sudoer adds a user to the machine, who may become root.
func sudoer(t *testing.T) *user {
	t.Helper()
	if _, err := exec.LookPath("sudo"); err != nil {
		t.Skip("NOT PROVEN: sudo is not installed")
	}
	const name, id = "letta-dev-sudoer", 61234 // above what is given to people and services
	home := filepath.Join("/home", name)
	for file, line := range map[string]string{
		"/etc/passwd": fmt.Sprintf("%s:x:%d:%d::%s:/bin/sh\n", name, id, id, home), "/etc/group": fmt.Sprintf("%s:x:%d:\n", name, id),
		"/etc/shadow": name + ":*:20000::::::\n",
	} {
		write(t, file, string(read(t, file))+line)
	}
	must(t, os.WriteFile("/etc/sudoers.d/"+name, []byte(name+" ALL=(ALL) NOPASSWD: ALL\n"), 0o440))
	cred := &syscall.Credential{Uid: id, Gid: id}
	return &user{home: newHome(t, home, cred), cred: cred}
}

// newHome makes an empty home folder.
func newHome(t *testing.T, dir string, owner *syscall.Credential) string {
	t.Helper()
	must(t, os.Mkdir(dir, 0o700))
	if owner != nil {
		must(t, os.Chown(dir, int(owner.Uid), int(owner.Gid)))
	}
	return dir
}

// owned finds what is another's in the user's home, and what was put into root's instead.
func owned(t *testing.T, u *user) {
	t.Helper()
	must(t, filepath.WalkDir(u.home, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		if owner := info.Sys().(*syscall.Stat_t); owner.Uid != u.cred.Uid || owner.Gid != u.cred.Gid {
			t.Errorf("%s belongs to %d:%d", path, owner.Uid, owner.Gid)
		}
		return nil
	}))
	must(t, filepath.WalkDir("/root", func(path string, _ fs.DirEntry, err error) error {
		if strings.HasSuffix(path, ".pem") || strings.HasSuffix(path, "nssdb") {
			t.Errorf("%s is in root's home", path)
		}
		return err
	}))
}
