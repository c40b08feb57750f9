//go:build unix

package certs

import (
	"path/filepath"
	"syscall"
	"testing"

	"github.com/letta-dev/letta-dev/certs/certstest"
)

// All that reads a file which is named to it refuses a pipe without waiting for its other end.
func TestNothingWaitsForAPipe(t *testing.T) {
	a := openTest(t, Options{})
	dir := t.TempDir()
	fifo := filepath.Join(dir, "fifo")
	certstest.Must(t, syscall.Mkfifo(fifo, 0o600))
	_, err := a.CreateFromRequest(fifo, CreateOptions{Dir: dir})
	certstest.WantHint(t, err, "it is a pipe or a device", "openssl req -in ")
}
