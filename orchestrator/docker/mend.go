package docker

import (
	"context"
	"errors"
	"fmt"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"

	"github.com/letta-dev/letta-dev/orchestrator"
)

// unpause lets the step's container go on. One that is not paused is as wanted.
func (e *Engine) unpause(ctx context.Context, step orchestrator.Step) error {
	c, found, err := e.own(ctx, step)
	if err != nil || !found || !c.State.Paused {
		return err
	}
	_, err = e.api.ContainerUnpause(ctx, c.ID, client.ContainerUnpauseOptions{})
	if errdefs.IsNotFound(err) {
		return nil
	}
	return e.fault(ctx, fmt.Sprintf("unpausing container %q", step.Target), err)
}

// join takes the step's container back into a network, under the names it was made with. What it keeps of an earlier network of that
// name goes first: engines do not start a container that names one that is gone. A running one publishes its ports anew.
func (e *Engine) join(ctx context.Context, step orchestrator.Step) error {
	doing := fmt.Sprintf("joining container %q to network %q", step.Target, step.Network)
	if err := checkName(step.Network); err != nil {
		return fmt.Errorf("%s: %w", doing, err)
	}
	if step.Spec == nil {
		return fmt.Errorf("%s: the step has no specification", doing)
	}
	c, found, err := e.own(ctx, step)
	if err != nil {
		return err
	}
	if !found {
		return fmt.Errorf("%s: it is not there", doing)
	}
	now, err := e.api.NetworkInspect(ctx, step.Network, client.NetworkInspectOptions{})
	if err != nil {
		return e.fault(ctx, doing, err)
	}
	if id, attached := attachedTo(c, step.Network); attached {
		if id == now.Network.ID || id == step.Network { // Podman keeps it by name
			return nil
		}
		if err := e.disconnect(ctx, c.ID, step.Network); err != nil {
			return e.fault(ctx, doing, err)
		}
	}
	options := client.NetworkConnectOptions{Container: c.ID}
	for _, a := range step.Spec.Networks {
		if step.Spec.NetworkNames[a.Network] == step.Network {
			options.EndpointConfig = endpointOf(*step.Spec, a)
		}
	}
	if _, err = e.api.NetworkConnect(ctx, now.Network.ID, options); err == nil && c.State.Running {
		err = e.awaitPorts(ctx, c.ID)
	}
	if errors.As(err, new(*exposedError)) {
		e.halt(ctx, c.ID)
	}
	return e.fault(ctx, doing, err)
}

// leave takes the step's container out of a network. One that is not in it is as wanted.
func (e *Engine) leave(ctx context.Context, step orchestrator.Step) error {
	doing := fmt.Sprintf("taking container %q out of network %q", step.Target, step.Network)
	if err := checkName(step.Network); err != nil {
		return fmt.Errorf("%s: %w", doing, err)
	}
	c, found, err := e.own(ctx, step)
	if err != nil || !found {
		return err
	}
	if _, attached := attachedTo(c, step.Network); !attached {
		return nil
	}
	if e.podman { // it forgets no network that is gone, so one of that name is made for the moment
		present, err := e.networksNamed(ctx, step.Network)
		if err != nil {
			return err
		}
		if len(present) == 0 {
			moment := orchestrator.Step{Target: step.Network, Project: step.Project}
			if err := e.createNetwork(ctx, moment); err != nil {
				return err
			}
			err := e.disconnect(ctx, c.ID, step.Network)
			return errors.Join(e.fault(ctx, doing, err), e.removeNetwork(ctx, moment))
		}
	}
	return e.fault(ctx, doing, e.disconnect(ctx, c.ID, step.Network))
}

// attachedTo is the ID by which a container keeps a network of that name.
func attachedTo(c container.InspectResponse, name string) (id string, attached bool) {
	if c.NetworkSettings == nil || c.NetworkSettings.Networks[name] == nil {
		return "", false
	}
	return c.NetworkSettings.Networks[name].NetworkID, true
}

// disconnect is by force, because the network may be gone; Docker forgets it then.
func (e *Engine) disconnect(ctx context.Context, id, network string) error {
	_, err := e.api.NetworkDisconnect(ctx, network, client.NetworkDisconnectOptions{Container: id, Force: true})
	if errdefs.IsNotFound(err) {
		return nil
	}
	return err
}
