package docker

import (
	"context"
	"fmt"
	"time"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/client"

	"github.com/letta-dev/letta-dev/orchestrator"
)

// databaseTime is the least that Postgres may take to write its last checkpoint; a longer grace of the step holds for it too.
const databaseTime = 30 * time.Second

// stop stops the step's container: politely, and after the grace with force. One that is gone or does not run is as wanted. One that
// is paused hears nothing, and its database could not be asked, so it goes on first.
func (e *Engine) stop(ctx context.Context, step orchestrator.Step) error {
	c, found, err := e.own(ctx, step)
	if err != nil || !found || !c.State.Running && !c.State.Paused {
		return err
	}
	if c.State.Paused {
		if err := e.unpause(ctx, step); err != nil {
			return err
		}
	}
	if step.Database {
		e.stopDatabase(ctx, c.ID, step.Grace)
	}
	_, err = e.api.ContainerStop(ctx, c.ID, client.ContainerStopOptions{Timeout: wholeSeconds(step.Grace)})
	if errdefs.IsNotFound(err) {
		return nil
	}
	return e.fault(ctx, fmt.Sprintf("stopping container %q", step.Target), err)
}

// stopDatabase asks the Postgres inside the server's container to stop. The container's first process is the Python server, which
// does not tell it, so that it would be killed and recover at the next start. -D is needed: PGDATA is not set there. A failure is
// no obstacle: the database may be elsewhere, or still starting, and Postgres survives being killed.
func (e *Engine) stopDatabase(ctx context.Context, id string, grace time.Duration) {
	ctx, cancel := context.WithTimeout(ctx, max(grace, databaseTime))
	defer cancel()
	argv := []string{"gosu", "postgres", "pg_ctl", "-D", "/var/lib/postgresql/data", "-m", "fast", "-w", "stop"}
	_, _ = e.Exec(ctx, id, argv, nil, nil, nil)
}

// halt stops a container at once, even when ctx has ended.
func (e *Engine) halt(ctx context.Context, id string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), undoTime)
	defer cancel()
	now := 0
	_, _ = e.api.ContainerStop(ctx, id, client.ContainerStopOptions{Timeout: &now})
}
