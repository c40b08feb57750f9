package certs

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/letta-dev/letta-dev/certs/certstest"
	"github.com/letta-dev/letta-dev/certs/host"
)

func TestCreateOnAFullDisk(t *testing.T) {
	if !certstest.InNamespace(t) {
		return
	}
	a := openTest(t, Options{})
	opts := CreateOptions{Dir: certstest.Tmpfs(t, "size=16k")}
	made, err := a.Create(nil, opts)
	certstest.Must(t, err)
	before := certstest.Read(t, made.CertFile)
	useUp(t, filepath.Join(opts.Dir, "fill"))
	opts.Overwrite = true
	_, err = a.Create(nil, opts)
	if !errors.Is(err, syscall.ENOSPC) || !strings.Contains(err.Error(), opts.Dir+"/localhost-key.pem: no space left on device") {
		t.Fatalf("full: %v", err)
	}
	if leaf := loadLeaf(t, made.CertFile); string(certstest.Read(t, made.CertFile)) != string(before) || !belongs(t, made.KeyFile, leaf) {
		t.Error("the old pair is gone")
	}
	if entries, _ := os.ReadDir(opts.Dir); len(entries) != 3 {
		t.Errorf("left behind: %v", entries)
	}
}

// useUp takes all of a disk.
func useUp(t *testing.T, path string) {
	t.Helper()
	out, err := os.Create(path)
	certstest.Must(t, err)
	defer out.Close()
	for err == nil {
		_, err = out.Write(make([]byte, 4096))
	}
}

func TestCreateOnAReadOnlyDisk(t *testing.T) {
	if !certstest.InNamespace(t) {
		return
	}
	dir := certstest.Tmpfs(t, "")
	certstest.Must(t, syscall.Mount("", dir, "", syscall.MS_REMOUNT|syscall.MS_RDONLY, ""))
	_, err := openTest(t, Options{}).Create(nil, CreateOptions{Dir: dir})
	certstest.WantHint(t, err, dir+"/localhost-key.pem: read-only file system", "ls -ld "+dir)
}

// The certificate cannot be replaced when the key has been already: the old key comes back, because a server with the
// one and not the other does not start. A mount point is what no rename replaces.
func TestCreateReplacesBothOrNone(t *testing.T) {
	if !certstest.InNamespace(t) {
		return
	}
	a := openTest(t, Options{})
	opts := CreateOptions{Dir: t.TempDir()}
	made, err := a.Create(nil, opts)
	certstest.Must(t, err)
	certstest.Must(t, syscall.Mount(made.CertFile, made.CertFile, "", syscall.MS_BIND, ""))
	opts.Overwrite = true
	_, err = a.Create(nil, opts)
	if !errors.Is(err, syscall.EBUSY) || !strings.Contains(err.Error(), made.CertFile+": device or resource busy") {
		t.Fatalf("a mount point: %v", err)
	}
	if !belongs(t, made.KeyFile, loadLeaf(t, made.CertFile)) {
		t.Error("the old key has not come back")
	}
	if entries, _ := os.ReadDir(opts.Dir); len(entries) != 2 {
		t.Errorf("left behind: %v", entries)
	}
	certstest.Must(t, os.Remove(made.KeyFile)) // nothing there before, so nothing there after
	if _, err = a.Create(nil, opts); err == nil || host.Exists(made.KeyFile) {
		t.Errorf("a key without its certificate stays: %v", err)
	}
	certstest.Must(t, syscall.Unmount(made.CertFile, 0))
}
