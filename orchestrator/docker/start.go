package docker

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/network"
	"github.com/moby/moby/client"

	"github.com/letta-dev/letta-dev/orchestrator"
)

const (
	undoTime    = 10 * time.Second      // for taking back what this step made
	publishTime = 5 * time.Second       // for an engine to say where it published the ports
	publishPoll = 10 * time.Millisecond // between two looks
)

// start starts the step's container and returns when its ports can be read. One that could not be started and never ran is
// removed: Podman would start it at the second attempt without network and ports, and say that it runs.
func (e *Engine) start(ctx context.Context, step orchestrator.Step) error {
	c, found, err := e.own(ctx, step)
	if err != nil {
		return err
	}
	if !found {
		return fmt.Errorf("starting container %q: it is not there", step.Target)
	}
	if c.State.Running {
		return nil
	}
	fresh := stamp(c.State.StartedAt).IsZero()
	if err = e.run(ctx, c); err == nil {
		return nil
	}
	if fresh {
		e.undo(ctx, c.ID)
	} else if errors.As(err, new(*exposedError)) {
		e.halt(ctx, c.ID)
	}
	var exposed *exposedError
	if errors.As(err, &exposed) {
		return fmt.Errorf("starting container %q: %w", step.Target, err)
	}
	return e.startFault(ctx, step.Target, c.HostConfig, err)
}

// run starts a container and sees to it that its ports are published where they were asked for, and nowhere else.
func (e *Engine) run(ctx context.Context, c container.InspectResponse) error {
	if _, err := e.api.ContainerStart(ctx, c.ID, client.ContainerStartOptions{}); err != nil {
		return err
	}
	return e.awaitPorts(ctx, c.ID)
}

// awaitPorts returns when the ports of a running container are published as they were asked for.
func (e *Engine) awaitPorts(ctx context.Context, id string) error {
	late := fmt.Errorf("the engine did not say within %s where it published the ports", publishTime)
	ctx, cancel := context.WithTimeoutCause(ctx, publishTime, late)
	defer cancel()
	tick := time.NewTicker(publishPoll)
	defer tick.Stop()
	for {
		r, err := e.api.ContainerInspect(ctx, id, client.ContainerInspectOptions{})
		if errdefs.IsNotFound(err) {
			return nil // it ended and was removed: what happened to it is for those who watch
		}
		if err != nil {
			return cmp.Or(context.Cause(ctx), err)
		}
		done, err := publishedAsAsked(r.Container)
		if done || err != nil {
			return err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// exposedError says that an engine published a port on an address nobody asked for.
type exposedError struct {
	port        network.Port
	asked, done string
}

func (e *exposedError) Error() string {
	return fmt.Sprintf("the engine published port %s on %s instead of %s; the container was stopped", e.port, e.done, e.asked)
}

// publishedAsAsked reports whether every port that was asked for can be read, or the container has ended; and fails when the
// engine bound one to another address.
func publishedAsAsked(c container.InspectResponse) (bool, error) {
	if c.State == nil || !c.State.Running || c.HostConfig == nil || c.NetworkSettings == nil {
		return true, nil
	}
	all := true
	for port, asked := range c.HostConfig.PortBindings {
		bound := c.NetworkSettings.Ports[port]
		all = all && len(bound) >= len(asked)
		for _, b := range bound {
			right := slices.ContainsFunc(asked, func(a network.PortBinding) bool { return sameAddress(a, b) })
			if !right {
				return true, &exposedError{port, address(asked[0]), address(b)}
			}
		}
	}
	return all, nil
}

// sameAddress takes an address that is not set for "all interfaces", as engines do.
func sameAddress(a, b network.PortBinding) bool {
	open := func(p network.PortBinding) bool { return !p.HostIP.IsValid() || p.HostIP.IsUnspecified() }
	return open(a) && open(b) || a.HostIP == b.HostIP
}

func address(b network.PortBinding) string {
	if !b.HostIP.IsValid() {
		return net.JoinHostPort("0.0.0.0", b.HostPort)
	}
	return net.JoinHostPort(b.HostIP.String(), b.HostPort)
}

// startFault finds a missing file, and the port in what an engine says of a clash; there is no code for either.
func (e *Engine) startFault(ctx context.Context, name string, host *container.HostConfig, err error) error {
	text := err.Error()
	if ctx.Err() == nil && isMissingFile(err) {
		return &orchestrator.MissingFileError{Container: name, Err: answer{err}}
	}
	if ctx.Err() == nil && (strings.Contains(text, "address already in use") || strings.Contains(text, "port is already allocated")) {
		return &orchestrator.PortTakenError{Container: name, Address: clash(text, host), Err: answer{err}}
	}
	return e.fault(ctx, fmt.Sprintf("starting container %q", name), err)
}

// clash is the address an engine's message is about: one of those asked for, else the first it names, else the first asked for.
func clash(text string, host *container.HostConfig) string {
	var asked []string
	if host != nil {
		for _, bindings := range host.PortBindings {
			for _, b := range bindings {
				asked = append(asked, address(b))
			}
		}
	}
	slices.Sort(asked)
	for _, a := range asked {
		if strings.Contains(text, a) {
			return a
		}
	}
	if named := regexp.MustCompile(`(\d+\.\d+\.\d+\.\d+|\[[0-9a-fA-F:]+\]):\d+`).FindString(text); named != "" {
		return named
	}
	return strings.Join(asked[:min(1, len(asked))], "")
}
