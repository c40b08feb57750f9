package clientenv

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/letta-dev/letta-dev/certs"
	"github.com/letta-dev/letta-dev/certs/certstest"
	"github.com/letta-dev/letta-dev/certs/host"
)

// What only root may read does not get into a file of the caller's.
func TestUnderSudoSettingsAreReadByTheirOwner(t *testing.T) {
	env := certstest.UnderSudo(t)
	secret := filepath.Join(t.TempDir(), "shadow")
	certstest.Write(t, secret, 0o600, "root:secret\n")
	certstest.Must(t, os.Symlink(secret, env.InHome(".wgetrc")))
	a, _, err := certs.Open(env.InHome("certs"), certs.Options{Owner: env.Owner})
	certstest.Must(t, err)
	_, problems, err := Variables(t.Context(), env, a.Root(), Options{Dir: env.InHome("roots"), Within: env.Home, Getenv: func(string) string { return "" }})
	certstest.Must(t, err)
	said := false
	for _, p := range problems {
		said = said || strings.Contains(p.Error(), "WGETRC")
	}
	if !said {
		t.Errorf("nothing is said of the settings that could not be read: %v", problems)
	}
	certstest.Must(t, filepath.WalkDir(env.Home, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() && strings.Contains(string(certstest.Read(t, path)), "secret") {
			t.Errorf("%s holds it", path)
		}
		return err
	}))
}

// A link in the caller's home leads root nowhere the caller could not go.
func TestUnderSudoLinksLeadNoBundleAway(t *testing.T) {
	env := certstest.UnderSudo(t)
	place := filepath.Join(t.TempDir(), "of-roots")
	certstest.Must(t, os.Mkdir(place, 0o755))
	certstest.Must(t, os.Symlink(place, env.InHome("share")))
	_, _, err := Variables(t.Context(), env, certs.Root{}, Options{Dir: env.InHome("share/roots"), Within: env.Home, Getenv: func(string) string { return "" }})
	if !errors.Is(err, fs.ErrPermission) && (err == nil || !strings.Contains(err.Error(), "it is a symbolic link")) {
		t.Errorf("got %v, want that it is not permitted, or not followed", err)
	}
	if left := certstest.List(t, place); len(left) > 0 {
		t.Errorf("root made %v there", left)
	}
}

// The bundles have their own modes, whatever the umask is.
func TestBundlesUnderOddUmasks(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("NOT PROVEN: only root can try what another user may")
	}
	for _, umask := range []int{0, 0o777, 0o277} {
		dir := t.TempDir()
		certstest.Must(t, os.Chown(dir, certstest.Nobody, certstest.Nobody))
		certstest.OpenUp(t, dir)
		owner := &host.Owner{UID: certstest.Nobody, GID: certstest.Nobody}
		before := syscall.Umask(umask)
		var path string
		err := owner.As(func() (err error) {
			path, err = bundleDir{dir: filepath.Join(dir, "roots"), owner: owner}.keep("roots-1.pem", 0o644, nil)
			return err
		})
		syscall.Umask(before)
		certstest.Must(t, err)
		if info, err := os.Lstat(path); err != nil || info.Mode().Perm() != 0o644 {
			t.Errorf("umask %04o: %v, %v", umask, info, err)
		}
	}
}

// A pipe holds no roots, and is not waited for.
func TestPipeHoldsNoRoots(t *testing.T) {
	fifo := filepath.Join(t.TempDir(), "fifo")
	certstest.Must(t, syscall.Mkfifo(fifo, 0o600))
	if _, err := readRoots(fifo); err == nil {
		t.Error("a pipe holds roots")
	}
}
