package host_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/letta-dev/letta-dev/certs/certstest"
	"github.com/letta-dev/letta-dev/certs/host"
)

// Size, time and identity each tell alone that a file is new: tools copy files with their times, and keys have one size.
func TestStampsSeeEveryChange(t *testing.T) {
	path := filepath.Join(t.TempDir(), "key.pem")
	look := func() host.Stamps { return host.StampsOf([]string{path}) }
	none := look()
	certstest.Write(t, path, 0o600, "old")
	before := look()
	if !before.Equal(look()) || !none.Equal(host.Stamps{nil}) || none.Equal(before) || before.Equal(none) {
		t.Error("what did not change seems to")
	}
	for name, change := range map[string]func(){
		"replaced": func() {
			certstest.Write(t, path+".new", 0o600, "new")
			certstest.Must(t, os.Rename(path+".new", path))
			certstest.Must(t, os.Chtimes(path, time.Time{}, before[0].ModTime()))
		},
		"written": func() { certstest.Must(t, os.Chtimes(path, time.Time{}, before[0].ModTime().Add(time.Nanosecond))) },
		"longer": func() {
			certstest.Must(t, os.Truncate(path, before[0].Size()+1))
			certstest.Must(t, os.Chtimes(path, time.Time{}, before[0].ModTime()))
		},
	} {
		before = look()
		if change(); before.Equal(look()) {
			t.Errorf("%s: not seen", name)
		}
	}
}
