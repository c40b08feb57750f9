package docker

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
	"strings"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"

	"github.com/letta-dev/letta-dev/compose"
	"github.com/letta-dev/letta-dev/orchestrator"
)

// lookup is the container of exactly that name; the API would also take the name for the start of another's ID.
func (e *Engine) lookup(ctx context.Context, name string) (c container.InspectResponse, found bool, err error) {
	r, err := e.api.ContainerInspect(ctx, name, client.ContainerInspectOptions{})
	switch {
	case errdefs.IsNotFound(err):
		return c, false, nil
	case err != nil:
		return c, false, e.fault(ctx, fmt.Sprintf("inspecting container %q", name), err)
	case strings.TrimPrefix(r.Container.Name, "/") != name || r.Container.State == nil || r.Container.Config == nil:
		return c, false, nil
	}
	if err := e.disown(ctx, r.Container); err != nil {
		return c, false, e.fault(ctx, fmt.Sprintf("inspecting the image of container %q", name), err)
	}
	return r.Container, true, nil
}

// disown takes our labels from a container that has them of its image, which is then a commit of one that we made: whoever ran it
// from there owns it.
func (e *Engine) disown(ctx context.Context, c container.InspectResponse) error {
	if c.Config == nil || c.Config.Labels[orchestrator.LabelManaged] == "" {
		return nil
	}
	inherited, err := e.inherits(ctx, c.Image, c.Config.Labels)
	if inherited {
		dropOurs(c.Config.Labels)
	}
	return err
}

// inherits reports whether a container has our labels of its image.
func (e *Engine) inherits(ctx context.Context, image string, labels orchestrator.Labels) (bool, error) {
	of, err := e.api.ImageInspect(ctx, image)
	if errdefs.IsNotFound(err) { // removed by force
		return false, nil
	}
	if err != nil || of.Config == nil {
		return false, err
	}
	return of.Config.Labels[orchestrator.LabelManaged] != "" && of.Config.Labels[orchestrator.LabelMade] == labels[orchestrator.LabelMade], nil
}

func dropOurs(labels orchestrator.Labels) {
	maps.DeleteFunc(labels, func(name, _ string) bool { return strings.HasPrefix(name, compose.OwnLabels) })
}

// own is the step's container, if there is one. It fails with *ForeignError when that is not the project's own: what a step
// changes goes through here first, and then by ID, so that the name may change hands meanwhile.
func (e *Engine) own(ctx context.Context, step orchestrator.Step) (c container.InspectResponse, found bool, err error) {
	c, found, err = e.lookup(ctx, step.Target)
	if found && !orchestrator.Labels(c.Config.Labels).Ours(step.Project) {
		return c, true, &orchestrator.ForeignError{Kind: "container", Name: step.Target}
	}
	return c, found, err
}

// create makes the step's container, not started, and reports what the engine warns of. One of the same configuration that stands
// already is what was asked for.
func (e *Engine) create(ctx context.Context, step orchestrator.Step, report func(orchestrator.Event)) error {
	if step.Spec == nil {
		return fmt.Errorf("creating container %q: the step has no specification", step.Target)
	}
	if done, err := e.stands(ctx, step); done || err != nil {
		return err
	}
	c, err := translate(step.Target, *step.Spec)
	if err != nil {
		return fmt.Errorf("creating container %q: %w", step.Target, err)
	}
	if err := e.prepare(ctx, &c); err != nil {
		return err
	}
	c.options.Config.Labels[orchestrator.LabelMade] = rand.Text()
	r, err := e.api.ContainerCreate(ctx, c.options)
	if err != nil {
		if _, taken := e.stands(ctx, step); errors.As(taken, new(*orchestrator.NameTakenError)) {
			return taken // somebody was faster; only Docker says so with a status of its own
		}
		if isMissingFile(err) {
			return &orchestrator.MissingFileError{Container: step.Target, Err: answer{err}}
		}
		return e.fault(ctx, fmt.Sprintf("creating container %q", step.Target), err)
	}
	for _, j := range c.join {
		_, err := e.api.NetworkConnect(ctx, j.network, client.NetworkConnectOptions{Container: r.ID, EndpointConfig: j.endpoint})
		if err != nil {
			e.undo(ctx, r.ID)
			return e.fault(ctx, fmt.Sprintf("joining container %q to network %q", step.Target, j.network), err)
		}
	}
	for _, w := range r.Warnings { // of an image for another processor, say
		report(orchestrator.Event{Kind: orchestrator.Note, Text: fmt.Sprintf("of container %q the engine warns: %q", step.Target, w)})
	}
	return nil
}

// isMissingFile says that a file is not there that is to be mounted; engines look for it when they make a container and when they start it.
func isMissingFile(err error) bool {
	return strings.Contains(err.Error(), "bind source path does not exist")
}

// stands reports whether the container the step would make is there already. A name that is taken by anything else is an error.
func (e *Engine) stands(ctx context.Context, step orchestrator.Step) (bool, error) {
	c, found, err := e.lookup(ctx, step.Target)
	if !found {
		return false, err
	}
	have, want := orchestrator.Labels(c.Config.Labels), step.Spec.OurLabels
	switch {
	case !have.Ours(step.Project):
		return false, &orchestrator.NameTakenError{Name: step.Target, Image: c.Config.Image, Running: c.State.Running}
	case have[orchestrator.LabelHash] != want[orchestrator.LabelHash]:
		return false, fmt.Errorf("creating container %q: one of another configuration stands there and was not removed", step.Target)
	}
	return true, nil
}

// prepare does what a creation needs of the engine: names it understands, and volumes that are there, for it would make a missing
// one itself, without our labels, and so without an owner.
func (e *Engine) prepare(ctx context.Context, c *creation) error {
	c.options.Config.Image = e.qualify(c.options.Config.Image)
	for _, m := range c.options.HostConfig.Mounts {
		if m.Type != "volume" {
			continue
		}
		if _, err := e.api.VolumeInspect(ctx, m.Source, client.VolumeInspectOptions{}); err != nil {
			return e.fault(ctx, fmt.Sprintf("volume %q for container %q", m.Source, c.options.Name), err)
		}
	}
	if e.podman {
		return e.resolveHostGateway(ctx, c.options.HostConfig)
	}
	return nil
}

// resolveHostGateway replaces host-gateway, which Podman before 4.7 writes into /etc/hosts as it stands, by the address at which
// the container's network reaches this host.
func (e *Engine) resolveHostGateway(ctx context.Context, host *container.HostConfig) error {
	for i, entry := range host.ExtraHosts {
		name, found := strings.CutSuffix(entry, ":host-gateway")
		if !found {
			continue
		}
		network := string(host.NetworkMode)
		if network == "" {
			network = "podman" // its default
		}
		r, err := e.api.NetworkInspect(ctx, network, client.NetworkInspectOptions{})
		if err != nil {
			return e.fault(ctx, fmt.Sprintf("finding the gateway of network %q", network), err)
		}
		if len(r.Network.IPAM.Config) == 0 || !r.Network.IPAM.Config[0].Gateway.IsValid() {
			return fmt.Errorf("network %q has no gateway for %s", network, entry)
		}
		host.ExtraHosts[i] = name + ":" + r.Network.IPAM.Config[0].Gateway.String()
	}
	return nil
}

// undo removes a container that was made in this step and never ran, with the volumes made for it alone, even when ctx has ended:
// nothing stays half made.
func (e *Engine) undo(ctx context.Context, id string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), undoTime)
	defer cancel()
	_, _ = e.api.ContainerRemove(ctx, id, client.ContainerRemoveOptions{RemoveVolumes: true, Force: true})
}

// remove removes a stopped container. Its anonymous volumes stay unless the step says otherwise: a database without a named volume keeps
// its data there.
func (e *Engine) remove(ctx context.Context, step orchestrator.Step) error {
	c, found, err := e.own(ctx, step)
	if err != nil || !found {
		return err
	}
	if c.State.Running {
		return fmt.Errorf("removing container %q: it is running", step.Target)
	}
	_, err = e.api.ContainerRemove(ctx, c.ID, client.ContainerRemoveOptions{RemoveVolumes: step.Anonymous})
	if errdefs.IsNotFound(err) {
		return nil
	}
	return e.fault(ctx, fmt.Sprintf("removing container %q", step.Target), err)
}
