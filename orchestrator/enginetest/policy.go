package enginetest

import (
	"bytes"
	"context"
	"slices"
	"strings"
	"time"

	"github.com/letta-dev/letta-dev/orchestrator"
)

// firstPause is what Docker waits before the first restart of a container that died; each further one waits twice as long.
const firstPause = 100 * time.Millisecond

// restartsAfter says whether the restart policy wants a container again that ended with a code.
func (b *box) restartsAfter(code int) bool {
	policy, _, _ := strings.Cut(b.spec.Restart, ":")
	return policy == "always" || policy == "unless-stopped" || policy == "on-failure" && code != 0
}

// restart starts a container that has died, after a pause in which it counts as running, as Docker has it; the caller holds the lock.
func (f *Fake) restart(b *box) {
	pause := firstPause << b.Restarts
	b.Restarts++
	b.Running, b.Status = true, "restarting"
	given := make(chan struct{})
	b.givenUp = given
	f.running.Go(func() {
		select {
		case <-time.After(pause):
		case <-given:
			return
		}
		f.mu.Lock()
		defer f.mu.Unlock()
		if b.givenUp == given && f.launchAnew(b) != nil {
			f.giveUp(b)
		}
	})
}

// giveUp ends the restarts of a container; the caller holds the lock.
func (f *Fake) giveUp(b *box) {
	if b.Status == "restarting" {
		close(b.givenUp)
		b.givenUp = nil
		b.Running, b.Status = false, "exited"
		f.changed.Broadcast()
	}
}

// check runs the health check of a container's specification until the run ends.
func (f *Fake) check(ctx context.Context, b *box, killed chan struct{}) {
	h := b.spec.Healthcheck
	tick := time.NewTicker(h.Interval)
	defer tick.Stop()
	for failed := 0; ; {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		var said bytes.Buffer
		code := f.program()(ctx, Process{
			Container: b.Name, Argv: slices.Clone(h.Test[1:]), Env: b.Env, Stdin: new(bytes.Reader), Stdout: &said, Stderr: &said, Killed: killed,
		})
		if failed++; code == 0 {
			failed = 0
		}
		f.mu.Lock()
		if b.killed == killed {
			b.LastCheck = orchestrator.Check{Done: true, ExitCode: code, Output: said.String()}
			f.tellHealth(b, failed)
		}
		f.mu.Unlock()
	}
}

func (f *Fake) tellHealth(b *box, failed int) {
	was := b.Health
	switch {
	case failed == 0:
		b.Health = "healthy"
	case failed >= b.spec.Healthcheck.Retries:
		b.Health = "unhealthy"
	}
	if b.Health != was {
		f.emit(b, "health_status")
	}
}
