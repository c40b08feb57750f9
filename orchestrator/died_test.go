package orchestrator

import (
	"testing"
	"time"
)

// A process that fails at once can end before the engine notes its start. What it said is still the run's.
func TestFirstWords(t *testing.T) {
	at := func(ms int) time.Time { return time.UnixMilli(int64(1_000_000 + ms)) }
	for name, c := range map[string]struct {
		container Container
		want      time.Time
	}{
		"the first run":                           {Container{Running: true, Status: "running", StartedAt: at(0)}, at(-1000)},
		"a run soon after the one before":         {Container{Running: true, Status: "running", StartedAt: at(0), FinishedAt: at(-300)}, at(-300)},
		"a run long after the one before":         {Container{Running: true, Status: "running", StartedAt: at(0), FinishedAt: at(-5000)}, at(-1000)},
		"a run that has ended":                    {Container{Status: "exited", StartedAt: at(0), FinishedAt: at(5000)}, at(-1000)},
		"one that ended before it was noted":      {Container{Status: "exited", StartedAt: at(0), FinishedAt: at(-20)}, at(-1000)},
		"the same, and it is to be started again": {Container{Running: true, Status: "restarting", StartedAt: at(0), FinishedAt: at(-20)}, at(-1000)},
	} {
		if got := firstWords(c.container); !got.Equal(c.want) {
			t.Errorf("%s: the log is read from %v, want %v", name, got.UnixMilli(), c.want.UnixMilli())
		}
	}
}
