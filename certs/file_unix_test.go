//go:build unix

package certs

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// A reader of files that other people have put there is never made to wait, and never reads without end.
func TestReadBounded(t *testing.T) {
	dir := t.TempDir()
	fifo, full, over := filepath.Join(dir, "fifo"), filepath.Join(dir, "full"), filepath.Join(dir, "over")
	must(t, syscall.Mkfifo(fifo, 0o600))
	write(t, full, 0o600, string(make([]byte, 2048)))
	write(t, over, 0o600, "")
	must(t, os.Truncate(over, 2049))
	for path, says := range map[string]string{
		fifo: "it is a pipe or a device", "/dev/zero": "it is a pipe or a device", dir: "it is a folder",
		over: "it is larger than 2 KiB", dir + "/none": "no such file",
	} {
		data, err := readBounded(path, 2048)
		if err == nil || !strings.Contains(err.Error(), path+": "+says) || data != nil {
			t.Errorf("%d bytes, %v; want %q", len(data), err, says)
		}
	}
	if data, err := readBounded(full, 2048); err != nil || len(data) != 2048 {
		t.Errorf("%d bytes, %v", len(data), err)
	}
}

// All that reads a file which is named to it refuses a pipe without waiting for its other end.
func TestNothingWaitsForAPipe(t *testing.T) {
	a := openTest(t, Options{})
	dir := t.TempDir()
	fifo := filepath.Join(dir, "fifo")
	must(t, syscall.Mkfifo(fifo, 0o600))
	_, err := a.CreateFromRequest(fifo, CreateOptions{Dir: dir})
	wantHint(t, err, "it is a pipe or a device", "openssl req -in ")
	if _, known := developmentCertificate(fifo); known {
		t.Error("a pipe is a development certificate")
	}
	if _, err := readRoots(fifo); err == nil {
		t.Error("a pipe holds roots")
	}
}
