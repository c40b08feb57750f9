//go:build unix

package certs

import (
	"bufio"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"
	"time"
)

func newSlowDebian(t *testing.T) Env {
	env := slowDebian(t.TempDir())
	write(t, env.path("/usr/local/share/ca-certificates/other.crt"), 0o644, "")
	write(t, env.path("/etc/ssl/certs/ca-certificates.crt"), 0o644, "")
	write(t, env.path("update-ca-certificates"), 0o755, `#!/bin/sh
cd "`+env.Root+`"
[ ! -p gate ] || read opened < gate
cat usr/local/share/ca-certificates/*.crt > bundle.new
mv bundle.new etc/ssl/certs/ca-certificates.crt
`)
	return env
}

// A removal that is killed leaves its command at work. Who looks at the store next waits for that, and says what is then.
func TestTrustWaitsForWhatAKilledRemovalLeft(t *testing.T) {
	t.Run("own", func(t *testing.T) { trustWaits(t, newSlowDebian(t)) })
	t.Run("sudo", func(t *testing.T) { // which gives its command nothing of what it inherits, and waits for it
		if os.Geteuid() != 0 {
			t.Skip("NOT PROVEN: sudo would ask for a password")
		}
		requireTool(t, "sudo")
		t.Setenv("CERTS_TEST_SUDO", "yes")
		trustWaits(t, newSlowDebian(t))
	})
}

func trustWaits(t *testing.T, env Env) {
	a := openTest(t, Options{})
	stores := systemStores(env)
	if r := Trust(t.Context(), a, stores, nil)[0]; r.After != Trusted || r.Known != ByHandshake || r.Err != nil {
		t.Fatalf("%+v", r)
	}
	must(t, syscall.Mkfifo(env.path("gate"), 0o600))
	removal := playing(t, "untrust", env.Root)
	must(t, removal.Start())
	gate, err := os.OpenFile(env.path("gate"), os.O_WRONLY, 0) // when the command reads
	must(t, err)
	must(t, removal.Process.Kill())
	_ = removal.Wait() // killed

	moment, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	if lock, err := takeTurn(moment, env.path("/usr/local/share/ca-certificates"), nil); lock != nil || err == nil {
		t.Fatal("the command that is at work does not hold the lock")
	}
	waits, trusted := make(chan string, 1), make(chan Result)
	env.Waits = func(dir string) { waits <- dir }
	go func() { trusted <- Trust(t.Context(), a, systemStores(env), nil)[0] }()
	if dir := <-waits; dir != env.path("/usr/local/share/ca-certificates") {
		t.Errorf("it waits for %s", dir)
	}
	must(t, os.Remove(env.path("gate")))
	_, err = gate.WriteString("\n")
	must(t, errors.Join(err, gate.Close()))
	if r := <-trusted; r.After != Trusted || r.Known != ByHandshake || r.Err != nil || len(r.Commands) == 0 {
		t.Errorf("it was taken for trusted while it was not: %+v", r)
	}
}

// A command that changes a store is finished when somebody interrupts; the stores after it are not begun.
func TestAnInterruptedChangeIsFinished(t *testing.T) {
	env := newSlowDebian(t)
	a := openTest(t, Options{})
	ctx, interrupt := context.WithCancelCause(t.Context())
	update := env.Run
	env.Run = func(ctx context.Context, c Command) ([]byte, error) {
		interrupt(errors.New("Ctrl-C"))
		return update(ctx, c)
	}
	stores := systemStores(env)
	results := Trust(ctx, a, append(stores, systemStores(newSlowDebian(t))...), nil)
	if status, err := stores[0].Status(t.Context(), a.Root()); status.State != Trusted || err != nil {
		t.Errorf("the change was cut off: %s, %v", status.State, err)
	}
	if r := results[1]; r.After != Absent || r.Err == nil {
		t.Errorf("the next store was changed: %+v", r)
	}
}

// What only looks ends with us.
func TestCommandsThatLookEndWithUs(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("NOT PROVEN: only Linux tells a process of its parent's end")
	}
	dir := t.TempDir()
	must(t, syscall.Mkfifo(filepath.Join(dir, "gate"), 0o600))
	looker := playing(t, "look", dir)
	must(t, looker.Start())
	gate, err := os.Open(filepath.Join(dir, "gate")) // when the command writes
	must(t, err)
	defer gate.Close()
	said := bufio.NewReader(gate)
	if line, err := said.ReadString('\n'); err != nil || line != "looking\n" {
		t.Fatalf("%q, %v", line, err)
	}
	must(t, looker.Process.Kill())
	_ = looker.Wait()                                      // killed
	if more, err := said.ReadString('\n'); err != io.EOF { // the command, which writes no more, has ended
		t.Errorf("%q, %v", more, err)
	}
}
