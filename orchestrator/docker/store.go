package docker

import (
	"context"
	"fmt"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/api/types/network"
	"github.com/moby/moby/client"

	"github.com/letta-dev/letta-dev/orchestrator"
)

// ourLabels mark a network or a volume; containers bring theirs with the Spec.
func ourLabels(project string) orchestrator.Labels {
	return orchestrator.Labels{orchestrator.LabelManaged: "true", orchestrator.LabelProject: project}
}

// networksNamed lists them all: Docker before 23 allows several of one name, and makes a second one without a word.
func (e *Engine) networksNamed(ctx context.Context, name string) ([]network.Summary, error) {
	list, err := e.api.NetworkList(ctx, client.NetworkListOptions{Filters: make(client.Filters).Add("name", name)})
	if err != nil {
		return nil, e.fault(ctx, "listing networks", err)
	}
	var exact []network.Summary // the engine's filter takes a part of the name too
	for _, n := range list.Items {
		if n.Name == name {
			exact = append(exact, n)
		}
	}
	return exact, nil
}

func (e *Engine) createNetwork(ctx context.Context, step orchestrator.Step) error {
	present, err := e.networksNamed(ctx, step.Target)
	if err != nil {
		return err
	}
	for _, n := range present {
		if !orchestrator.Labels(n.Labels).Ours(step.Project) {
			return &orchestrator.ForeignError{Kind: "network", Name: step.Target}
		}
	}
	if len(present) > 0 {
		return nil
	}
	_, err = e.api.NetworkCreate(ctx, step.Target, client.NetworkCreateOptions{Driver: "bridge", Labels: ourLabels(step.Project)})
	return e.fault(ctx, fmt.Sprintf("creating network %q", step.Target), err)
}

func (e *Engine) removeNetwork(ctx context.Context, step orchestrator.Step) error {
	present, err := e.networksNamed(ctx, step.Target)
	if err != nil {
		return err
	}
	foreign := false
	for _, n := range present {
		if !orchestrator.Labels(n.Labels).Ours(step.Project) {
			foreign = true
			continue
		}
		if _, err := e.api.NetworkRemove(ctx, n.ID, client.NetworkRemoveOptions{}); err != nil && !errdefs.IsNotFound(err) {
			return e.fault(ctx, fmt.Sprintf("removing network %q", step.Target), err)
		}
	}
	if foreign {
		return &orchestrator.ForeignError{Kind: "network", Name: step.Target}
	}
	return nil
}

// ownVolume reports whether the step's volume is there, and fails when it is not the project's own.
func (e *Engine) ownVolume(ctx context.Context, step orchestrator.Step) (bool, error) {
	r, err := e.api.VolumeInspect(ctx, step.Target, client.VolumeInspectOptions{})
	switch {
	case errdefs.IsNotFound(err):
		return false, nil
	case err != nil:
		return false, e.fault(ctx, fmt.Sprintf("inspecting volume %q", step.Target), err)
	case !orchestrator.Labels(r.Volume.Labels).Ours(step.Project):
		return true, &orchestrator.ForeignError{Kind: "volume", Name: step.Target}
	}
	return true, nil
}

// createVolume looks at the labels after: to create a volume that stands changes nothing and is a success for the engine,
// whosever it is.
func (e *Engine) createVolume(ctx context.Context, step orchestrator.Step) error {
	r, err := e.api.VolumeCreate(ctx, client.VolumeCreateOptions{Name: step.Target, Labels: ourLabels(step.Project)})
	if err != nil {
		return e.fault(ctx, fmt.Sprintf("creating volume %q", step.Target), err)
	}
	if !orchestrator.Labels(r.Volume.Labels).Ours(step.Project) {
		return &orchestrator.ForeignError{Kind: "volume", Name: step.Target}
	}
	return nil
}

// removeVolume never forces: a volume in use is refused by the engine. Volumes have no ID, so the name has to do.
func (e *Engine) removeVolume(ctx context.Context, step orchestrator.Step) error {
	if present, err := e.ownVolume(ctx, step); !present || err != nil {
		return err
	}
	_, err := e.api.VolumeRemove(ctx, step.Target, client.VolumeRemoveOptions{})
	if errdefs.IsNotFound(err) {
		return nil
	}
	return e.fault(ctx, fmt.Sprintf("removing volume %q", step.Target), err)
}
