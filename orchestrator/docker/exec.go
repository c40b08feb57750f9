package docker

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/moby/moby/api/pkg/stdcopy"
	"github.com/moby/moby/client"

	"github.com/letta-dev/letta-dev/crash"
)

// Exec runs argv in a running container. When ctx ends the streams are cut; the command itself may go on until it notices.
// After the command has ended one more Read of stdin may be under way, and what it reads is lost.
func (e *Engine) Exec(ctx context.Context, name string, argv []string, stdin io.Reader, stdout, stderr io.Writer) (int, error) {
	doing := fmt.Sprintf("running %q in container %q", argv, name)
	if err := checkName(name); err != nil {
		return 0, fmt.Errorf("running %q: %w", argv, err)
	}
	x, err := e.api.ExecCreate(ctx, name, client.ExecCreateOptions{
		Cmd: argv, AttachStdin: stdin != nil, AttachStdout: true, AttachStderr: true,
	})
	if err != nil {
		return 0, e.fault(ctx, doing, err)
	}
	a, err := e.api.ExecAttach(ctx, x.ID, client.ExecAttachOptions{})
	if err != nil {
		return 0, e.fault(ctx, doing, err)
	}
	defer a.Close()
	defer context.AfterFunc(ctx, a.Close)() // the client lets ctx end the handshake only
	if stdin != nil {
		go func() {
			defer crash.Recover()
			_, _ = io.Copy(a.Conn, stdin)
			_ = a.CloseWrite()
		}()
	}
	if _, err := stdcopy.StdCopy(orDiscard(stdout), orDiscard(stderr), a.Reader); err != nil || ctx.Err() != nil {
		return 0, e.fault(ctx, doing, orEnd(ctx, err))
	}
	code, err := e.exitCode(ctx, x.ID)
	return code, e.fault(ctx, doing, err)
}

// exitCode waits for the engine to know how a command ended: its output ends a moment before.
func (e *Engine) exitCode(ctx context.Context, id string) (int, error) {
	tick := time.NewTicker(publishPoll)
	defer tick.Stop()
	for {
		x, err := e.api.ExecInspect(ctx, id, client.ExecInspectOptions{})
		if err != nil || !x.Running {
			return x.ExitCode, err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return 0, ctx.Err()
		}
	}
}

func orDiscard(w io.Writer) io.Writer {
	if w == nil {
		return io.Discard
	}
	return w
}

// orEnd is why a stream ended without an error of its own.
func orEnd(ctx context.Context, err error) error {
	if err == nil {
		return ctx.Err()
	}
	return err
}
