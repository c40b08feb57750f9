//go:build unix

package certs

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// A folder that is named to us is read as far as roots go, whatever it is: no more bytes than a file may have, and no file
// that has no size or makes its reader wait.
func TestFolderWithoutEnd(t *testing.T) {
	dir := t.TempDir()
	root := string(encodeCertificates(selfSigned(t, "another").Raw))
	write(t, filepath.Join(dir, "a.pem"), 0o644, root)
	for i := range 4 {
		big := filepath.Join(dir, fmt.Sprintf("b%d", i))
		write(t, big, 0o644, root)
		must(t, os.Truncate(big, maxRoots/2))
	}
	must(t, syscall.Mkfifo(filepath.Join(dir, "c"), 0o644))
	if found := readFolder(dir); len(found) != 2 {
		t.Errorf("%d certificates, of files that are together larger than one may be", len(found))
	}
	if found := readFolder("/proc"); len(found) != 0 {
		t.Errorf("/proc holds %d certificates", len(found))
	}
}

// A file that calls itself regular and is not, which only root may read, keeps nobody waiting either.
func TestFileWithoutEnd(t *testing.T) {
	if _, err := readBounded("/proc/kmsg", maxRoots); err == nil {
		t.Error("it had an end")
	}
}
