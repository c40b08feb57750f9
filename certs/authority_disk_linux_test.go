package certs

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/letta-dev/letta-dev/certs/certstest"
	"github.com/letta-dev/letta-dev/certs/host"
)

// On a disk that fills up at any point there is a whole authority or none, and the error says why.
func TestFullDisk(t *testing.T) {
	if !certstest.InNamespace(t) {
		return
	}
	caroot := certstest.FakeCAROOT(t)
	for name, opts := range map[string]Options{"ours": {}, "mkcert's": {CAROOT: caroot}} {
		whole := false
		for pages := 1; !whole; pages++ { // a page holds a file or a folder
			disk := certstest.Tmpfs(t, fmt.Sprintf("size=1m,nr_inodes=%d", pages+1))
			dir := filepath.Join(disk, "ca")
			_, created, err := Open(dir, opts)
			whole = err == nil && created
			if !whole && !errors.Is(err, syscall.ENOSPC) {
				t.Fatalf("%s with room for %d files: %v", name, pages, err)
			}
			for _, left := range certstest.List(t, disk) {
				if left != ".ca.lock" && !(whole && left == "ca") {
					t.Errorf("%s with room for %d files leaves %s", name, pages, left)
				}
			}
			if pages > 20 {
				t.Fatal("it never has enough")
			}
		}
	}
}

// Nothing that is deleted needs room: not for a folder to put it aside in, nor for the lock that somebody has deleted.
func TestRemoveFromAFullDisk(t *testing.T) {
	if !certstest.InNamespace(t) {
		return
	}
	for _, lost := range []string{"", ".ca.lock"} {
		disk := certstest.Tmpfs(t, "size=1m,nr_inodes=30")
		a, _, err := Open(filepath.Join(disk, "ca"), Options{})
		certstest.Must(t, err)
		_, err = NewKeeper(a, KeeperOptions{})
		certstest.Must(t, err)
		for n := 0; err == nil; n++ {
			err = os.Mkdir(filepath.Join(disk, fmt.Sprint("fill", n)), 0o700)
		}
		if lost != "" {
			certstest.Must(t, os.Remove(filepath.Join(disk, lost)))
			certstest.Must(t, os.Mkdir(filepath.Join(disk, "fill"), 0o700))
		}
		removeTest(t, a.Dir(), nil)
		if host.Exists(a.Dir()) {
			t.Error("the authority is still there")
		}
	}
}

// The same where there is no room for what is in the files, and for leaves: the one on disk stays whole, the new one is in use.
func TestFullDiskAtRenewal(t *testing.T) {
	if !certstest.InNamespace(t) {
		return
	}
	disk := certstest.Tmpfs(t, "size=64k")
	c := certstest.NewClock()
	a, _, err := Open(filepath.Join(disk, "ca"), Options{Now: c.Now})
	certstest.Must(t, err)
	seen := &renewals{}
	k, err := NewKeeper(a, KeeperOptions{Renewed: seen.add})
	certstest.Must(t, err)
	seen.take()
	fill, err := os.Create(filepath.Join(disk, "fill"))
	certstest.Must(t, err)
	for err == nil {
		_, err = fill.Write(make([]byte, 4096))
	}
	certstest.Must(t, fill.Close())
	before := certstest.Read(t, a.leafPath(k.dns.names))

	if _, err := a.Renew(); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("Renew = %v", err)
	}
	c.Advance(61 * certstest.Day)
	k.look()
	if got := seen.take(); len(got) != 2 || !errors.Is(got[0].Err, syscall.ENOSPC) || !k.NotAfter().Equal(c.Now().Add(leafLife)) {
		t.Errorf("reported %+v", got)
	}
	if string(certstest.Read(t, a.leafPath(k.dns.names))) != string(before) {
		t.Error("the leaf on disk has changed")
	}
	if left := certstest.List(t, filepath.Join(a.Dir(), leavesFolder)); len(left) != 2 {
		t.Errorf("left: %v", left)
	}
	certstest.Must(t, os.Remove(fill.Name()))
	if _, err := a.Renew(); err != nil {
		t.Errorf("with room again: %v", err)
	}
	removeTest(t, a.Dir(), nil)
}

// What became root's in a session of sudo is told with the command that gives it back.
func TestUnreadableFiles(t *testing.T) {
	for name, mode := range map[string]os.FileMode{"": 0o700, rootFile: 0o600, intermediateKeyFile: 0o600} {
		a := openTest(t, Options{})
		certstest.OpenUp(t, a.Dir())
		path := filepath.Join(a.Dir(), name)
		certstest.Must(t, os.Chmod(path, mode))
		certstest.AsUser(t, certstest.Nobody, func() {
			for range 2 {
				_, _, err := Open(a.Dir(), Options{})
				var told *host.Error
				if !errors.As(err, &told) || !errors.Is(err, os.ErrPermission) || !strings.Contains(err.Error(), path) || !strings.Contains(told.Hint(), `sudo chown -R "$(id -un)" `) {
					t.Errorf("%q: %v, %q", name, err, told.Hint())
				}
			}
		})
	}
}

// A leaf that cannot be deleted, here another user's in a folder for all, does not keep the others from being renewed.
func TestRenewGoesOn(t *testing.T) {
	a := openTest(t, Options{})
	certstest.Must(t, a.keep(certstest.Forge(t, a.Dir(), "example.com"), Names{"example.com"}))
	certstest.Must(t, os.Chmod(a.leafPath(Names{"example.com"}), 0o644))
	certstest.Must(t, os.Chmod(filepath.Join(a.Dir(), leavesFolder), 0o777|os.ModeSticky))
	certstest.OpenUp(t, a.Dir())
	certstest.AsUser(t, certstest.Nobody, func() {
		if renewed, err := a.Renew(); len(renewed) != 2 || !errors.Is(err, os.ErrPermission) || !strings.Contains(err.Error(), a.leafPath(Names{"example.com"})) {
			t.Errorf("renewed %+v, %v", renewed, err)
		}
	})
}

// Nobody is kept waiting by a pipe.
func TestPipeForAFile(t *testing.T) {
	for _, name := range []string{rootFile, intermediateKeyFile, carootFile} {
		a := openTest(t, Options{})
		path := filepath.Join(a.Dir(), name)
		_ = os.Remove(path)
		certstest.Must(t, unix.Mkfifo(path, 0o600))
		_, err := Load(a.Dir(), Options{})
		certstest.WantHint(t, err, "a pipe", "certs uninstall")
	}
}

// What lies in the place of the lock is neither followed nor waited for.
func TestLockInTheWay(t *testing.T) {
	for says, put := range map[string]func(path string) error{
		"a device, a pipe": func(path string) error { return unix.Mkfifo(path, 0o600) },
		"a symbolic link":  func(path string) error { return os.Symlink(path+".elsewhere", path) },
	} {
		dir := t.TempDir()
		path := filepath.Join(dir, ".ca.lock")
		certstest.Must(t, put(path))
		_, _, err := Open(filepath.Join(dir, "ca"), Options{})
		certstest.WantHint(t, err, says, "ls -ld ")
		if host.Exists(path + ".elsewhere") {
			t.Error("the link was followed")
		}
	}
}

// What cannot be deleted, here leaves that became root's in a session of sudo, saves no key.
func TestRemoveGoesOn(t *testing.T) {
	a := openTest(t, Options{})
	_, err := NewKeeper(a, KeeperOptions{})
	certstest.Must(t, err)
	certstest.OpenUp(t, a.Dir())
	for _, path := range []string{filepath.Dir(a.Dir()), a.Dir()} { // the user's, but for a folder that became root's
		certstest.Must(t, os.Chown(path, certstest.Nobody, certstest.Nobody))
	}
	certstest.Must(t, os.Chmod(filepath.Join(a.Dir(), leavesFolder), 0o755))
	certstest.AsUser(t, certstest.Nobody, func() {
		_, err := Remove(a.Dir(), nil)
		certstest.WantHint(t, err, "delete the authority", "sudo chown -R ")
	})
	if host.Exists(a.KeyPath()) {
		t.Error("the key is still there")
	}
	removeTest(t, a.Dir(), nil)
	if left := certstest.List(t, filepath.Dir(a.Dir())); !slices.Equal(left, []string{".ca.lock"}) {
		t.Errorf("left: %q", left)
	}
}
