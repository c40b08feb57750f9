//go:build unix

package certstest

import (
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"

	"github.com/letta-dev/letta-dev/certs/host"
)

// UnderSudo returns a machine whose home folder belongs to the user nobody, as root sees it under sudo. Tests that change
// owners need root.
func UnderSudo(t *testing.T) host.Env {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("NOT PROVEN: giving files away needs root")
	}
	nobody, err := user.Lookup("nobody")
	Must(t, err)
	uid, err := strconv.Atoi(nobody.Uid)
	Must(t, err)
	gid, err := strconv.Atoi(nobody.Gid)
	Must(t, err)
	env := RealEnv(t)
	env.Owner = &host.Owner{UID: uid, GID: gid}
	Must(t, os.Chmod(filepath.Dir(env.Home), 0o711)) // the test's own folder lets nobody through
	Must(t, os.Chown(env.Home, uid, gid))
	return env
}

// WantOwner requires that all files in the home folder belong to its owner.
func WantOwner(t *testing.T, env host.Env) {
	t.Helper()
	Must(t, filepath.WalkDir(env.Home, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err == nil && info.Sys().(*syscall.Stat_t).Uid != uint32(env.Owner.UID) {
			t.Errorf("%s belongs to %d", path, info.Sys().(*syscall.Stat_t).Uid)
		}
		return err
	}))
}
