package certs

import (
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/letta-dev/letta-dev/certs/certstest"
	"github.com/letta-dev/letta-dev/certs/host"
)

// What is made has its own modes, whatever the umask is: nothing that is private is open to others, and nothing is closed
// to its owner, who is nobody here because root would come in anyhow.
func TestOddUmasks(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("NOT PROVEN: only root can try what another user may")
	}
	for _, umask := range []int{0, 0o777, 0o277} {
		dir := t.TempDir()
		certstest.Must(t, os.Chown(dir, certstest.Nobody, certstest.Nobody))
		certstest.OpenUp(t, dir)
		before := syscall.Umask(umask)
		owner := &host.Owner{UID: certstest.Nobody, GID: certstest.Nobody}
		ca := filepath.Join(dir, "data", "ca")
		a, _, err := Open(ca, Options{Owner: owner})
		if err == nil {
			_, err = NewKeeper(a, KeeperOptions{})
		}
		if err == nil {
			_, err = a.Create(nil, CreateOptions{Dir: dir, OwnerOf: func(string) *host.Owner { return owner }})
		}
		syscall.Umask(before)
		if err != nil {
			t.Errorf("umask %04o: %v", umask, err)
			continue
		}
		for path, want := range map[string]fs.FileMode{
			"data/ca": 0o700, "data/ca/" + leavesFolder: 0o700, "data/.ca.lock": 0o600, "data/ca/" + intermediateKeyFile: 0o600,
			"data/ca/" + rootFile: 0o644, "data/ca/leaves/dns.pem": 0o600, "localhost-key.pem": 0o600, "localhost.pem": 0o644,
		} {
			info, err := os.Lstat(filepath.Join(dir, path))
			certstest.Must(t, err)
			if got := info.Mode().Perm(); got != want {
				t.Errorf("umask %04o: %s has %04o, not %04o", umask, path, got, want)
			}
		}
		removeTest(t, ca, owner)
	}
}
