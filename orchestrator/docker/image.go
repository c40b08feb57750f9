package docker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/client"

	"github.com/letta-dev/letta-dev/crash"
	"github.com/letta-dev/letta-dev/orchestrator"
)

// pull brings an image from its registry. One that is present is as wanted.
func (e *Engine) pull(ctx context.Context, step orchestrator.Step, report func(orchestrator.Event)) error {
	_, present, err := e.image(ctx, step.Target)
	if err != nil {
		return e.fault(ctx, fmt.Sprintf("looking up image %q", step.Target), err)
	}
	if present {
		return nil
	}
	bounded, heard, stop := untilSilent(ctx, e.pullSilence)
	defer stop()
	// A credential helper that does not work is no reason not to try: most images need no login. It is said when one is needed.
	login, loginErr := e.login(step.Target)
	body, err := e.api.ImagePull(bounded, e.qualify(step.Target), client.ImagePullOptions{RegistryAuth: login})
	if err == nil {
		defer body.Close()
		err = readProgress(body, step.Service, heard, report)
	}
	if err == nil {
		return nil
	}
	if silent, ok := silenceOf(bounded); ok {
		return &orchestrator.PullError{Image: step.Target, Reason: orchestrator.PullSilent, Err: silent}
	}
	if ctx.Err() != nil || disconnected(err) {
		return e.fault(ctx, fmt.Sprintf("pulling image %q", step.Target), err)
	}
	reason := classify(err.Error())
	if reason == orchestrator.PullNeedsLogin && loginErr != nil {
		err = fmt.Errorf("%w (and the stored login cannot be read: %w)", err, loginErr)
	}
	return &orchestrator.PullError{Image: step.Target, Reason: reason, Err: answer{err}}
}

// removeImage removes an image that letta-dev made, unless a container uses it: then it is somebody's.
func (e *Engine) removeImage(ctx context.Context, step orchestrator.Step) error {
	doing := fmt.Sprintf("removing image %q", step.Target)
	found, present, err := e.image(ctx, step.Target)
	switch {
	case err != nil:
		return e.fault(ctx, doing, err)
	case !present:
		return nil
	case !found.IsDemo(step.Target):
		return &orchestrator.ForeignError{Kind: "image", Name: step.Target}
	}
	_, err = e.api.ImageRemove(ctx, step.Target, client.ImageRemoveOptions{})
	if errdefs.IsNotFound(err) || errdefs.IsConflict(err) {
		return nil
	}
	return e.fault(ctx, doing, err)
}

// load streams the step's archive into the engine.
func (e *Engine) load(ctx context.Context, step orchestrator.Step, report func(orchestrator.Event)) error {
	if step.Archive == nil {
		return fmt.Errorf("loading image %q: the step has no archive", step.Target)
	}
	doing := fmt.Sprintf("loading image %q", step.Target)
	bounded, heard, stop := untilSilent(ctx, e.loadSilence)
	defer stop()
	r, w := io.Pipe()
	written := make(chan error, 1)
	go func() {
		defer crash.Recover()
		err := step.Archive(heardWriter{w, heard})
		w.CloseWithError(err)
		written <- err
	}()
	err := e.sendArchive(bounded, r, step.Service, heard, report)
	if silent, ok := silenceOf(bounded); ok && err != nil {
		err = &orchestrator.EngineGoneError{Err: fmt.Errorf("%s: %w", doing, silent)}
	}
	_ = r.Close() // an engine that stops reading must not leave the writer waiting
	if archiveErr := <-written; archiveErr != nil && !errors.Is(archiveErr, io.ErrClosedPipe) {
		return fmt.Errorf("%s: writing the archive: %w", doing, archiveErr)
	}
	if err != nil && ctx.Err() == nil && classify(err.Error()) == orchestrator.PullDiskFull {
		return &orchestrator.PullError{Image: step.Target, Reason: orchestrator.PullDiskFull, Err: answer{err}}
	}
	if errors.As(err, new(*orchestrator.EngineGoneError)) {
		return err
	}
	if err != nil {
		return e.fault(ctx, doing, err)
	}
	_, present, err := e.image(ctx, step.Target)
	if err == nil && !present {
		return fmt.Errorf("%s: the archive held no image of that name", doing)
	}
	return e.fault(ctx, doing, err)
}

func (e *Engine) sendArchive(ctx context.Context, archive io.Reader, service string, heard func(), report func(orchestrator.Event)) error {
	body, err := e.api.ImageLoad(ctx, archive)
	if err != nil {
		return err
	}
	defer body.Close()
	return readProgress(body, service, heard, report)
}

// readProgress reads an engine's account of a pull or a load to its end. The status was 200 long before: a failure is a message. heard is called for each.
func readProgress(body io.Reader, service string, heard func(), report func(orchestrator.Event)) error {
	for messages := json.NewDecoder(body); ; {
		var m struct {
			ID, Status string
			Progress   struct{ Current, Total int64 } `json:"progressDetail"`
			Error      string                         // all engines send it; not all send errorDetail
		}
		err := messages.Decode(&m)
		heard()
		switch {
		case err == io.EOF:
			return nil
		case err != nil:
			return err
		case m.Error != "":
			return errors.New(m.Error)
		case isLayer(m.ID):
			report(orchestrator.Event{
				Kind: orchestrator.Progress, Service: service, Layer: m.ID, Text: m.Status,
				Current: m.Progress.Current, Total: m.Progress.Total,
			})
		}
	}
}

// isLayer tells a layer's short ID from the tag, which the first message of a pull carries in its place.
func isLayer(id string) bool {
	return len(id) == 12 && strings.Trim(id, "0123456789abcdef") == ""
}

// classify reads the reason of a failed pull out of the engine's words: it has no codes for them. The words are those of Docker
// 20.10 to 29, Podman 4.3, and the registries of Docker, GitHub, GitLab, Google and Amazon.
func classify(text string) orchestrator.PullReason {
	text = strings.ToLower(text)
	for _, c := range []struct {
		reason orchestrator.PullReason
		words  []string
	}{
		{orchestrator.PullDiskFull, []string{"no space left on device", "disk quota exceeded"}},
		{orchestrator.PullNotFound, []string{"manifest unknown", "name unknown", "repository does not exist", "not found", "invalid reference format", "no such image"}},
		{orchestrator.PullNeedsLogin, []string{"unauthorized", "authentication required", "no basic auth credentials", "denied", "forbidden", "toomanyrequests"}},
		{orchestrator.PullNoNetwork, []string{"no such host", "connection refused", "connection reset", "i/o timeout", "network is unreachable", "no route to host",
			"tls handshake timeout", "client.timeout", "deadline exceeded", "server misbehaving", "temporary failure in name resolution", "proxyconnect", ": eof", "unexpected eof", "dial tcp"}},
	} {
		for _, w := range c.words {
			if strings.Contains(text, w) {
				return c.reason
			}
		}
	}
	return orchestrator.PullOther
}
