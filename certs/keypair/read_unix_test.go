//go:build unix

package keypair

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/letta-dev/letta-dev/certs/certstest"
)

// Files without an end, and files that would be waited for, are refused at once.
func TestPairRefusesWhatIsNoFile(t *testing.T) {
	b := newBench(t)
	b.put(t, "localhost")
	fifo := filepath.Join(t.TempDir(), "fifo")
	certstest.Must(t, syscall.Mkfifo(fifo, 0o600))
	huge := filepath.Join(t.TempDir(), "huge.pem")
	certstest.Write(t, huge, 0o600, "")
	certstest.Must(t, os.Truncate(huge, 1<<40)) // sparse
	for path, says := range map[string]string{
		"/dev/zero": "it is a pipe or a device", fifo: "it is a pipe or a device", huge: "it is larger than 1024 KiB", "/dev/null": "it is a pipe or a device",
	} {
		_, err := Open(path, b.key, Options{Now: b.Now})
		certstest.WantHint(t, err, path+": "+says, "ls -ld "+path)
		_, err = Open(b.cert, path, Options{Now: b.Now})
		certstest.WantHint(t, err, path+": "+says, "ls -ld "+path)
	}
}

func TestPairThatMayNotBeRead(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("root may read everything")
	}
	b := newBench(t)
	b.put(t, "localhost")
	certstest.Chmod(t, b.key, 0)
	_, err := b.open()
	certstest.WantHint(t, err, "dev-key.pem: permission denied", "ls -ld ")
}
