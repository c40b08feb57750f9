//go:build unix

package truststore

import (
	"context"
	"errors"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/letta-dev/letta-dev/certs"
	"github.com/letta-dev/letta-dev/certs/certstest"
	"github.com/letta-dev/letta-dev/certs/host"
)

func newSlowDebian(t *testing.T) host.Env {
	env := slowDebian(t.TempDir())
	certstest.Write(t, env.InRoot("/usr/local/share/ca-certificates/other.crt"), 0o644, "")
	certstest.Write(t, env.InRoot("/etc/ssl/certs/ca-certificates.crt"), 0o644, "")
	certstest.Write(t, env.InRoot("update-ca-certificates"), 0o755, `#!/bin/sh
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
		certstest.RequireTool(t, "sudo")
		t.Setenv("CERTS_TEST_SUDO", "yes")
		trustWaits(t, newSlowDebian(t))
	})
}

func trustWaits(t *testing.T, env host.Env) {
	a := openTest(t, certs.Options{})
	stores := systemStores(env)
	if r := Install(t.Context(), a, stores, nil)[0]; r.After != Trusted || r.Known != ByHandshake || r.Err != nil {
		t.Fatalf("%+v", r)
	}
	certstest.Must(t, syscall.Mkfifo(env.InRoot("gate"), 0o600))
	removal := certstest.Play(t, "untrust", env.Root)
	certstest.Must(t, removal.Start())
	gate, err := os.OpenFile(env.InRoot("gate"), os.O_WRONLY, 0) // when the command reads
	certstest.Must(t, err)
	certstest.Must(t, removal.Process.Kill())
	_ = removal.Wait() // killed

	moment, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	if lock, err := host.LockFolder(moment, env.InRoot("/usr/local/share/ca-certificates"), nil); lock != nil || err == nil {
		t.Fatal("the command that is at work does not hold the lock")
	}
	waits, trusted := make(chan string, 1), make(chan Result)
	env.Waits = func(dir string) { waits <- dir }
	go func() { trusted <- Install(t.Context(), a, systemStores(env), nil)[0] }()
	if dir := <-waits; dir != env.InRoot("/usr/local/share/ca-certificates") {
		t.Errorf("it waits for %s", dir)
	}
	certstest.Must(t, os.Remove(env.InRoot("gate")))
	_, err = gate.WriteString("\n")
	certstest.Must(t, errors.Join(err, gate.Close()))
	if r := <-trusted; r.After != Trusted || r.Known != ByHandshake || r.Err != nil || len(r.Commands) == 0 {
		t.Errorf("it was taken for trusted while it was not: %+v", r)
	}
}

// A command that changes a store is finished when somebody interrupts; the stores after it are not begun.
func TestAnInterruptedChangeIsFinished(t *testing.T) {
	env := newSlowDebian(t)
	a := openTest(t, certs.Options{})
	ctx, interrupt := context.WithCancelCause(t.Context())
	update := env.Run
	env.Run = func(ctx context.Context, c host.Command) ([]byte, error) {
		interrupt(errors.New("Ctrl-C"))
		return update(ctx, c)
	}
	stores := systemStores(env)
	results := Install(ctx, a, append(stores, systemStores(newSlowDebian(t))...), nil)
	if status, err := stores[0].Status(t.Context(), a.Root()); status.State != Trusted || err != nil {
		t.Errorf("the change was cut off: %s, %v", status.State, err)
	}
	if r := results[1]; r.After != Absent || r.Err == nil {
		t.Errorf("the next store was changed: %+v", r)
	}
}
