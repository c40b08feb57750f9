package docker

import (
	"context"
	"fmt"

	"github.com/containerd/errdefs"
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

// join takes the step's container back into a network, under the names it was made with. One that is there is as wanted.
func (e *Engine) join(ctx context.Context, step orchestrator.Step) error {
	doing := fmt.Sprintf("joining container %q to network %q", step.Target, step.Network)
	if err := checkName(step.Network); err != nil {
		return fmt.Errorf("%s: %w", doing, err)
	}
	if step.Spec == nil {
		return fmt.Errorf("%s: the step has no specification", doing)
	}
	c, found, err := e.own(ctx, step)
	switch {
	case err != nil:
		return err
	case !found:
		return fmt.Errorf("%s: it is not there", doing)
	case c.NetworkSettings != nil && c.NetworkSettings.Networks[step.Network] != nil:
		return nil
	}
	options := client.NetworkConnectOptions{Container: c.ID}
	for _, a := range step.Spec.Networks {
		if step.Spec.NetworkNames[a.Network] == step.Network {
			options.EndpointConfig = endpointOf(*step.Spec, a)
		}
	}
	_, err = e.api.NetworkConnect(ctx, step.Network, options)
	return e.fault(ctx, doing, err)
}
