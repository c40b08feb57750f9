package docker

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"syscall"
	"time"

	"github.com/moby/moby/client"

	"github.com/letta-dev/letta-dev/orchestrator"
)

// Engine is a container engine reached through the Docker API. Its methods may be called at the same time.
type Engine struct {
	api    *client.Client
	info   orchestrator.EngineInfo
	podman bool

	pullSilence, loadSilence time.Duration // of an image, after which nothing more is waited for

	login  func(image string) (string, error)        // the X-Registry-Auth header for an image's registry
	advise func(tried []orchestrator.Attempt) string // the command that helps when the engine stops answering
}

var _ orchestrator.Engine = (*Engine)(nil)

// Info is what the engine said of itself when it was found.
func (e *Engine) Info() orchestrator.EngineInfo { return e.info }

// Close gives up the idle connections to the engine.
func (e *Engine) Close() error { return e.api.Close() }

// Do carries out one step; orchestrator.Engine says how.
func (e *Engine) Do(ctx context.Context, step orchestrator.Step, report func(orchestrator.Event)) error {
	if report == nil {
		report = func(orchestrator.Event) {}
	}
	if step.Project == "" { // an unlabelled thing must never count as ours
		return fmt.Errorf("%s %q: the step names no project", step.Action, step.Target)
	}
	switch step.Action {
	case orchestrator.Pull:
		return e.pull(ctx, step, report)
	case orchestrator.Load:
		return e.load(ctx, step, report)
	case orchestrator.RemoveImage:
		return e.removeImage(ctx, step)
	}
	if err := checkName(step.Target); err != nil {
		return fmt.Errorf("%s: %w", step.Action, err)
	}
	switch step.Action {
	case orchestrator.CreateNetwork:
		return e.createNetwork(ctx, step)
	case orchestrator.RemoveNetwork:
		return e.removeNetwork(ctx, step)
	case orchestrator.CreateVolume:
		return e.createVolume(ctx, step)
	case orchestrator.RemoveVolume:
		return e.removeVolume(ctx, step)
	case orchestrator.Create:
		return e.create(ctx, step, report)
	case orchestrator.Start:
		return e.start(ctx, step)
	case orchestrator.Unpause:
		return e.unpause(ctx, step)
	case orchestrator.Join:
		return e.join(ctx, step)
	case orchestrator.Leave:
		return e.leave(ctx, step)
	case orchestrator.Stop:
		return e.stop(ctx, step)
	case orchestrator.Remove:
		return e.remove(ctx, step)
	}
	return fmt.Errorf("%q is not a step an engine can do", step.Action)
}

// checkName refuses what no container, network or volume can be called. Names become part of the paths the client asks for, and
// "../containers/x" must not make another request of one.
func checkName(name string) error {
	other := strings.IndexFunc(name, func(r rune) bool {
		return !strings.ContainsRune("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-", r)
	})
	if other >= 0 || strings.Trim(name, ".") == "" {
		return fmt.Errorf("%q cannot be a name in a container engine", name)
	}
	return nil
}

// fault makes an error of the client ours: ctx.Err() when ctx ended, *UnreachableError when the engine stopped answering, else
// the engine's words after what was being done.
func (e *Engine) fault(ctx context.Context, doing string, err error) error {
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return ctx.Err()
	case disconnected(err):
		tried := []orchestrator.Attempt{{Host: e.info.Host, Found: e.info.Found, Err: fmt.Errorf("%s: %w", doing, plain(err))}}
		return &orchestrator.UnreachableError{Tried: tried, Advice: e.advise(tried)}
	}
	return fmt.Errorf("%s: %w", doing, plain(err))
}

// disconnected reports whether err says that the engine is gone, before or during its answer.
func disconnected(err error) bool {
	return client.IsErrConnectionFailed(err) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.Is(err, net.ErrClosed) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
}

// answer is an engine's error without the client's preamble.
type answer struct{ error }

func (a answer) Error() string {
	return strings.TrimPrefix(a.error.Error(), "Error response from daemon: ")
}

func (a answer) Unwrap() error { return a.error }
