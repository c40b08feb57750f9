//go:build unix

package host_test

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/letta-dev/letta-dev/certs/certstest"
	"github.com/letta-dev/letta-dev/certs/host"
)

// A reader of files that other people have put there is never made to wait, and never reads without end.
func TestReadBounded(t *testing.T) {
	dir := t.TempDir()
	fifo, full, over := filepath.Join(dir, "fifo"), filepath.Join(dir, "full"), filepath.Join(dir, "over")
	certstest.Must(t, syscall.Mkfifo(fifo, 0o600))
	certstest.Write(t, full, 0o600, string(make([]byte, 2048)))
	certstest.Write(t, over, 0o600, "")
	certstest.Must(t, os.Truncate(over, 2049))
	for path, says := range map[string]string{
		fifo: "it is a pipe or a device", "/dev/zero": "it is a pipe or a device", dir: "it is a folder",
		over: "it is larger than 2 KiB", dir + "/none": "no such file",
	} {
		data, err := host.ReadBounded(path, 2048)
		if err == nil || !strings.Contains(err.Error(), path+": "+says) || data != nil {
			t.Errorf("%d bytes, %v; want %q", len(data), err, says)
		}
	}
	if data, err := host.ReadBounded(full, 2048); err != nil || len(data) != 2048 {
		t.Errorf("%d bytes, %v", len(data), err)
	}
}
