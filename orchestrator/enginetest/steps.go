package enginetest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/netip"
	"strings"

	"github.com/letta-dev/letta-dev/orchestrator"
)

// Do carries out one step.
func (f *Fake) Do(ctx context.Context, step orchestrator.Step, report func(orchestrator.Event)) error {
	if err := f.enter(ctx, "Do", step); err != nil {
		return err
	}
	if report == nil {
		report = func(orchestrator.Event) {}
	}
	if step.Project == "" {
		return fmt.Errorf("%s %q: the step names no project", step.Action, step.Target)
	}
	if err := f.do(ctx, step, report); err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.steps = append(f.steps, step)
	return nil
}

func (f *Fake) do(ctx context.Context, step orchestrator.Step, report func(orchestrator.Event)) error {
	switch step.Action {
	case orchestrator.Pull:
		return f.pull(step, report)
	case orchestrator.Load:
		return f.load(step)
	case orchestrator.RemoveImage:
		return f.removeImage(step)
	case orchestrator.CreateNetwork:
		return f.addNetwork(step)
	case orchestrator.CreateVolume:
		return f.add(f.volumes, "volume", step)
	case orchestrator.RemoveNetwork:
		return f.drop(f.networks, "network", step, func(b *box) bool { return b.Running && b.in(step.Target) >= 0 })
	case orchestrator.RemoveVolume:
		return f.drop(f.volumes, "volume", step, func(b *box) bool { return b.mounts(step.Target) })
	case orchestrator.Create:
		return f.create(step)
	case orchestrator.Start:
		return f.start(step)
	case orchestrator.Unpause:
		return f.unpause(step)
	case orchestrator.Join:
		return f.join(step)
	case orchestrator.Leave:
		return f.leave(step)
	case orchestrator.Stop:
		return f.stop(ctx, step)
	case orchestrator.Remove:
		return f.remove(step)
	}
	return fmt.Errorf("%q is not a step an engine can do", step.Action)
}

func (f *Fake) removeImage(step orchestrator.Step) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if _, present := f.Images[step.Target]; !present {
		return nil
	}
	if image := (orchestrator.Image{Demo: f.Demos[step.Target]}); !image.IsDemo(step.Target) {
		return &orchestrator.ForeignError{Kind: "image", Name: step.Target}
	}
	for _, b := range f.containers {
		if b.Image == step.Target {
			return nil
		}
	}
	delete(f.Images, step.Target)
	return nil
}

func (f *Fake) pull(step orchestrator.Step, report func(orchestrator.Event)) error {
	f.mu.Lock()
	id, known := f.Registry[step.Target]
	_, present := f.Images[step.Target]
	if known {
		f.Images[step.Target] = id
	}
	f.mu.Unlock()
	switch {
	case present:
		return nil
	case !known:
		return &orchestrator.PullError{Image: step.Target, Reason: orchestrator.PullNotFound, Err: errors.New("manifest unknown")}
	}
	for _, state := range []string{"Downloading", "Pull complete"} {
		report(orchestrator.Event{
			Kind: orchestrator.Progress, Service: step.Service, Layer: "0123456789ab", Text: state, Current: 10, Total: 10,
		})
	}
	return nil
}

func (f *Fake) load(step orchestrator.Step) error {
	if step.Archive == nil {
		return fmt.Errorf("loading image %q: the step has no archive", step.Target)
	}
	if err := step.Archive(io.Discard); err != nil {
		return fmt.Errorf("loading image %q: writing the archive: %w", step.Target, err)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.Images[step.Target] = "sha256:" + step.Target
	if hash, ok := strings.CutPrefix(step.Target, orchestrator.DemoImage+":"); ok {
		f.Demos[step.Target] = hash
	}
	return nil
}

// add makes a network or a volume.
func (f *Fake) add(things map[string]orchestrator.Labels, kind string, step orchestrator.Step) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if labels, found := things[step.Target]; found && !labels.Ours(step.Project) {
		return &orchestrator.ForeignError{Kind: kind, Name: step.Target}
	}
	things[step.Target] = orchestrator.Labels{orchestrator.LabelManaged: "true", orchestrator.LabelProject: step.Project}
	return nil
}

// addNetwork gives a network that is made an ID of its own.
func (f *Fake) addNetwork(step orchestrator.Step) error {
	if err := f.add(f.networks, "network", step); err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.ids[step.Target] == "" {
		f.ids[step.Target] = f.newID()
	}
	return nil
}

// drop removes a network or a volume that no container uses.
func (f *Fake) drop(things map[string]orchestrator.Labels, kind string, step orchestrator.Step, uses func(*box) bool) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	labels, found := things[step.Target]
	if !found {
		return nil
	}
	if !labels.Ours(step.Project) {
		return &orchestrator.ForeignError{Kind: kind, Name: step.Target}
	}
	for name, b := range f.containers {
		if uses(b) {
			return fmt.Errorf("removing %s %q: container %q uses it", kind, step.Target, name)
		}
	}
	delete(things, step.Target)
	if kind == "network" {
		delete(f.ids, step.Target)
	}
	return nil
}

func (f *Fake) create(step orchestrator.Step) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if step.Spec == nil {
		return fmt.Errorf("creating container %q: the step has no specification", step.Target)
	}
	if b, taken := f.containers[step.Target]; taken {
		if !b.Labels.Ours(step.Project) {
			return &orchestrator.NameTakenError{Name: step.Target, Image: b.Image, Running: b.Running}
		}
		if b.Labels[orchestrator.LabelHash] != step.Spec.OurLabels[orchestrator.LabelHash] {
			return fmt.Errorf("creating container %q: one of another configuration stands there and was not removed", step.Target)
		}
		return nil
	}
	b, err := f.newBox(step)
	if err != nil {
		return fmt.Errorf("creating container %q: %w", step.Target, err)
	}
	f.containers[step.Target] = b
	f.emit(b, "create")
	return nil
}

// newBox checks what a real engine would: the image, the volumes and the networks must be there.
func (f *Fake) newBox(step orchestrator.Step) (*box, error) {
	s := step.Spec
	imageID, found := f.Images[s.Image]
	if !found {
		return nil, fmt.Errorf("no such image: %s", s.Image)
	}
	b := &box{spec: *s, address: netip.AddrFrom4([4]byte{172, 30, 0, byte(f.made)}), Container: orchestrator.Container{
		ID: f.newID(), Name: step.Target, Image: s.Image, ImageID: imageID, Status: "created", Detailed: true,
		Labels: maps.Clone(s.OurLabels), Env: maps.Clone(s.Environment), StopGrace: s.StopGrace,
	}}
	if b.Labels == nil {
		b.Labels = orchestrator.Labels{}
	}
	for k, v := range s.Labels {
		if _, ours := b.Labels[k]; !ours {
			b.Labels[k] = v
		}
	}
	for _, a := range s.Networks {
		name := s.NetworkNames[a.Network]
		if _, found := f.networks[name]; !found {
			return nil, fmt.Errorf("network %q not found", name)
		}
		b.Networks = append(b.Networks, orchestrator.Attached{Name: name, ID: f.ids[name]})
		b.MadeFor = b.Networks[0].Name
	}
	for _, m := range s.Mounts {
		source := m.Source
		if m.Kind == "volume" {
			source = s.VolumeNames[m.Source]
			if _, found := f.volumes[source]; !found {
				return nil, fmt.Errorf("volume %q not found", source)
			}
		}
		b.Mounts = append(b.Mounts, orchestrator.MountPoint{Kind: m.Kind, Source: source, Target: m.Target})
	}
	return b, nil
}

// own is the step's container; the caller holds the lock.
func (f *Fake) own(step orchestrator.Step) (*box, error) {
	b := f.containers[step.Target]
	if b != nil && !b.Labels.Ours(step.Project) {
		return nil, &orchestrator.ForeignError{Kind: "container", Name: step.Target}
	}
	return b, nil
}

func (f *Fake) remove(step orchestrator.Step) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	b, err := f.own(step)
	if b == nil {
		return err
	}
	if b.Running {
		return fmt.Errorf("removing container %q: it is running", step.Target)
	}
	delete(f.containers, step.Target)
	f.emit(b, "destroy")
	return nil
}
