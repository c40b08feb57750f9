package certs

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/letta-dev/letta-dev/certs/certstest"
	"github.com/letta-dev/letta-dev/certs/host"
)

// A process that was killed while it wrote leaves a key behind. The next one in the folder removes that, and nothing of
// anybody else's.
func TestCreateSweepsWhatWasStaged(t *testing.T) {
	a, dir, elsewhere := openTest(t, Options{}), t.TempDir(), t.TempDir()
	old := time.Now().Add(-2 * time.Hour)
	stage := func(name string, age time.Time, files ...string) {
		for _, f := range files {
			certstest.Write(t, filepath.Join(dir, name, f), 0o600, "a key")
		}
		certstest.Must(t, os.Chtimes(filepath.Join(dir, name), age, age))
	}
	dead, err := host.File{Name: "localhost-key.pem", Mode: 0o600, Data: []byte("a key")}.Stage(dir, nil)
	certstest.Must(t, err)
	stage(filepath.Base(dead.Temp), old, filepath.Base(dead.Former()))
	stage(host.StagingPrefix+"at-work", time.Now(), "new")
	stage(host.StagingPrefix+"notes", old, "notes.txt")
	stage(".letta-dev-backup", old, "new")
	certstest.Write(t, elsewhere+"/new", 0o600, "somebody's")
	certstest.Must(t, os.Chtimes(elsewhere, old, old))
	certstest.Must(t, os.Symlink(elsewhere, filepath.Join(dir, host.StagingPrefix+"link")))
	certstest.Write(t, filepath.Join(dir, host.StagingPrefix+"file"), 0o600, "somebody's")
	certstest.Must(t, os.Chtimes(filepath.Join(dir, host.StagingPrefix+"file"), old, old))

	_, err = a.Create(nil, CreateOptions{Dir: dir})
	certstest.Must(t, err)
	want := []string{".letta-dev-backup", host.StagingPrefix + "at-work", host.StagingPrefix + "file", host.StagingPrefix + "link", host.StagingPrefix + "notes", "localhost-key.pem", "localhost.pem"}
	if left := certstest.List(t, dir); !slices.Equal(left, want) {
		t.Errorf("left %q", left)
	}
	for _, path := range []string{elsewhere + "/new", filepath.Join(dir, host.StagingPrefix+"notes", "notes.txt"), filepath.Join(dir, host.StagingPrefix+"at-work", "new")} {
		if !host.Exists(path) {
			t.Errorf("%s is gone", path)
		}
	}
}
