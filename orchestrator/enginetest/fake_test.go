package enginetest_test

import (
	"context"
	"io"
	"testing"

	"github.com/letta-dev/letta-dev/orchestrator/enginetest"
	"github.com/letta-dev/letta-dev/orchestrator/enginetest/probe"
)

func TestFakeKeepsTheContract(t *testing.T) {
	f := enginetest.NewFake()
	t.Cleanup(f.Close)
	f.Program = probe.Run
	enginetest.Contract(t, enginetest.Subject{
		Engine: f, Prefix: "ldt-docker-", Image: "localhost/ldt-docker-probe:1",
		Archive: func(w io.Writer) error { _, err := io.WriteString(w, "an archive"); return err },
		Pause:   func(_ context.Context, name string) error { f.Pause(name); return nil },
		Leave:   func(_ context.Context, network, name string) error { f.Disconnect(network, name); return nil },
		Copy:    func(_ context.Context, of, name string) error { f.Copy(of, name); return nil },
	})
}
