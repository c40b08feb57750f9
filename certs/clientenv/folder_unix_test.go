//go:build unix

package clientenv

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/letta-dev/letta-dev/certs/certstest"
	"github.com/letta-dev/letta-dev/certs/host"
)

// A folder that is named to us is read as far as roots go, whatever it is: no more bytes than a file may have, and no file
// that has no size or makes its reader wait.
func TestFolderWithoutEnd(t *testing.T) {
	dir := t.TempDir()
	root := certstest.PEM(certstest.SelfSigned(t, "another").Raw)
	certstest.Write(t, filepath.Join(dir, "a.pem"), 0o644, root)
	for i := range 4 {
		big := filepath.Join(dir, fmt.Sprintf("b%d", i))
		certstest.Write(t, big, 0o644, root)
		certstest.Must(t, os.Truncate(big, host.MaxRoots/2))
	}
	certstest.Must(t, syscall.Mkfifo(filepath.Join(dir, "c"), 0o644))
	if found := readFolder(dir); len(found) != 2 {
		t.Errorf("%d certificates, of files that are together larger than one may be", len(found))
	}
	if found := readFolder("/proc"); len(found) != 0 {
		t.Errorf("/proc holds %d certificates", len(found))
	}
}

// A file that calls itself regular and is not, which only root may read, keeps nobody waiting either.
func TestFileWithoutEnd(t *testing.T) {
	if _, err := host.ReadBounded("/proc/kmsg", host.MaxRoots); err == nil {
		t.Error("it had an end")
	}
}
