package certs

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

// A process that was killed while it wrote leaves a key behind. The next one in the folder removes that, and nothing of
// anybody else's.
func TestCreateSweepsWhatWasStaged(t *testing.T) {
	a, dir, elsewhere := openTest(t, Options{}), t.TempDir(), t.TempDir()
	old := time.Now().Add(-2 * time.Hour)
	stage := func(name string, age time.Time, files ...string) {
		for _, f := range files {
			write(t, filepath.Join(dir, name, f), 0o600, "a key")
		}
		must(t, os.Chtimes(filepath.Join(dir, name), age, age))
	}
	dead, err := file{name: "localhost-key.pem", mode: 0o600, data: []byte("a key")}.stage(dir, nil)
	must(t, err)
	stage(filepath.Base(dead.temp), old, filepath.Base(dead.former()))
	stage(staging+"at-work", time.Now(), "new")
	stage(staging+"notes", old, "notes.txt")
	stage(".letta-dev-backup", old, "new")
	write(t, elsewhere+"/new", 0o600, "somebody's")
	must(t, os.Chtimes(elsewhere, old, old))
	must(t, os.Symlink(elsewhere, filepath.Join(dir, staging+"link")))
	write(t, filepath.Join(dir, staging+"file"), 0o600, "somebody's")
	must(t, os.Chtimes(filepath.Join(dir, staging+"file"), old, old))

	_, err = a.Create(nil, CreateOptions{Dir: dir})
	must(t, err)
	want := []string{".letta-dev-backup", staging + "at-work", staging + "file", staging + "link", staging + "notes", "localhost-key.pem", "localhost.pem"}
	if left := names(t, dir); !slices.Equal(left, want) {
		t.Errorf("left %q", left)
	}
	for _, path := range []string{elsewhere + "/new", filepath.Join(dir, staging+"notes", "notes.txt"), filepath.Join(dir, staging+"at-work", "new")} {
		if !exists(path) {
			t.Errorf("%s is gone", path)
		}
	}
}
