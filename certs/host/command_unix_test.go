//go:build unix

package host_test

import (
	"bufio"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"
	"time"

	"github.com/letta-dev/letta-dev/certs/certstest"
	"github.com/letta-dev/letta-dev/certs/host"
)

// A tool that waits for an answer is ended and reported, and its children with it: they would keep its output open.
func TestCommandsAreEnded(t *testing.T) {
	began := time.Now()
	_, err := host.Run(t.Context(), host.Command{Argv: []string{"sh", "-c", "sleep 60 & wait"}, Limit: 50 * time.Millisecond})
	certstest.WantHint(t, err, "no end after 50ms", "sleep 60")
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("took %s", took)
	}
}

// A tool in a session of its own has no terminal to ask at. One that may ask keeps ours.
func TestCommandsHaveNoTerminal(t *testing.T) {
	leads := host.Command{Argv: []string{"sh", "-c", `[ "$(ps -o sid= -p $$ | tr -d ' ')" = $$ ]`}, Limit: time.Minute}
	if _, err := host.Run(t.Context(), leads); err != nil {
		t.Errorf("it runs in our session: %v", err)
	}
	leads.Terminal = true
	if _, err := host.Run(t.Context(), leads); err == nil {
		t.Error("one that may ask was cut off")
	}
}

// A tool that writes without end is ended long before memory is.
func TestCommandsThatWriteWithoutEnd(t *testing.T) {
	for script, most := range map[string]string{"yes": "16384 KiB", "yes >&2": "64 KiB"} {
		out, err := host.Run(t.Context(), host.Command{Argv: []string{"sh", "-c", script + " & wait"}, Limit: time.Minute})
		certstest.WantHint(t, err, "it was ended, because it wrote more than "+most, "yes")
		if len(out) > 16<<20 {
			t.Errorf("%s: %d bytes are kept", script, len(out))
		}
	}
}

// What only looks ends with us.
func TestCommandsThatLookEndWithUs(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("NOT PROVEN: only Linux tells a process of its parent's end")
	}
	dir := t.TempDir()
	certstest.Must(t, syscall.Mkfifo(filepath.Join(dir, "gate"), 0o600))
	looker := certstest.Play(t, "look", dir)
	certstest.Must(t, looker.Start())
	gate, err := os.Open(filepath.Join(dir, "gate")) // when the command writes
	certstest.Must(t, err)
	defer gate.Close()
	said := bufio.NewReader(gate)
	if line, err := said.ReadString('\n'); err != nil || line != "looking\n" {
		t.Fatalf("%q, %v", line, err)
	}
	certstest.Must(t, looker.Process.Kill())
	_ = looker.Wait()                                      // killed
	if more, err := said.ReadString('\n'); err != io.EOF { // the command, which writes no more, has ended
		t.Errorf("%q, %v", more, err)
	}
}
