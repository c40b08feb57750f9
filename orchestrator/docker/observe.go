package docker

import (
	"context"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/containerd/errdefs"
	"github.com/distribution/reference"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/mount"
	"github.com/moby/moby/api/types/network"
	"github.com/moby/moby/client"

	"github.com/letta-dev/letta-dev/orchestrator"
)

// Observe reports what stands in the engine now. What disappears between the calls it takes is left out.
func (e *Engine) Observe(ctx context.Context, q orchestrator.Query) (orchestrator.Observation, error) {
	o := orchestrator.Observation{Engine: e.info}
	var err error
	if o.Containers, err = e.containers(ctx, q); err != nil {
		return orchestrator.Observation{}, e.fault(ctx, "listing containers", err)
	}
	if o.Images, err = e.images(ctx, q.Images); err != nil {
		return orchestrator.Observation{}, e.fault(ctx, "looking up images", err)
	}
	list, err := e.api.NetworkList(ctx, client.NetworkListOptions{})
	if err != nil {
		return orchestrator.Observation{}, e.fault(ctx, "listing networks", err)
	}
	o.Networks = networks(list.Items, q)
	for _, c := range o.Containers {
		attach(c.Networks, list.Items)
	}
	if o.Volumes, err = e.volumes(ctx, q); err != nil {
		return orchestrator.Observation{}, e.fault(ctx, "listing volumes", err)
	}
	return o, nil
}

func (e *Engine) containers(ctx context.Context, q orchestrator.Query) ([]orchestrator.Container, error) {
	list, err := e.api.ContainerList(ctx, client.ContainerListOptions{All: true})
	if err != nil {
		return nil, err
	}
	var all []orchestrator.Container
	for _, s := range list.Items {
		c := summary(s)
		if slices.Contains(q.Names, c.Name) || c.Labels.Ours(q.Project) || couldBeLetta(c) {
			r, err := e.api.ContainerInspect(ctx, c.ID, client.ContainerInspectOptions{})
			if errdefs.IsNotFound(err) {
				continue
			}
			if err != nil {
				return nil, err
			}
			if err := e.disown(ctx, r.Container); err != nil {
				return nil, err
			}
			c = detailed(r.Container)
		}
		all = append(all, c)
	}
	return all, nil
}

func (e *Engine) images(ctx context.Context, refs []string) (map[string]orchestrator.Image, error) {
	found := map[string]orchestrator.Image{}
	for _, ref := range refs {
		image, present, err := e.image(ctx, ref)
		if err != nil {
			return nil, err
		}
		if present {
			found[ref] = image
		}
	}
	return found, nil
}

// image is the image of a name, if there is one. There is none for a name that no image can have.
func (e *Engine) image(ctx context.Context, ref string) (i orchestrator.Image, present bool, err error) {
	if _, err := reference.ParseAnyReference(ref); err != nil {
		return i, false, nil // and no part of a path either
	}
	r, err := e.api.ImageInspect(ctx, e.qualify(ref))
	if errdefs.IsNotFound(err) || err != nil && strings.Contains(err.Error(), "invalid reference format") {
		return i, false, nil
	}
	i.ID = r.ID
	// An image inherits the labels of the one it is made from. The demo's is of 1970; what is built or committed from it is of its day.
	if created := stamp(r.Created); r.Config != nil && created.Unix() == 0 {
		i.Demo = r.Config.Labels[orchestrator.LabelDemo]
	}
	return i, err == nil, err
}

func networks(list []network.Summary, q orchestrator.Query) map[string]orchestrator.Network {
	found := map[string]orchestrator.Network{}
	for _, n := range list {
		labels := orchestrator.Labels(n.Labels)
		_, twin := found[n.Name] // Docker before 23 allows two of one name: ours is the one that counts
		if labels.Ours(q.Project) || slices.Contains(q.Networks, n.Name) && !twin {
			found[n.Name] = orchestrator.Network{ID: n.ID, Labels: labels}
		}
	}
	return found
}

// attach tells which of the networks that a container keeps are still there. Podman keeps them by name, and so does Docker until the
// first start.
func attach(kept []orchestrator.Attached, list []network.Summary) {
	for i, at := range kept {
		there := slices.IndexFunc(list, func(n network.Summary) bool { return n.ID == at.ID })
		if there < 0 && (at.ID == "" || at.ID == at.Name) {
			there = slices.IndexFunc(list, func(n network.Summary) bool { return n.Name == at.Name })
		}
		kept[i].ID = ""
		if there >= 0 {
			kept[i].ID = list[there].ID
		}
	}
}

func (e *Engine) volumes(ctx context.Context, q orchestrator.Query) (map[string]orchestrator.Labels, error) {
	list, err := e.api.VolumeList(ctx, client.VolumeListOptions{})
	if err != nil {
		return nil, err
	}
	found := map[string]orchestrator.Labels{}
	for _, v := range list.Items {
		if labels := orchestrator.Labels(v.Labels); labels.Ours(q.Project) || slices.Contains(q.Volumes, v.Name) {
			found[v.Name] = labels
		}
	}
	return found, nil
}

// couldBeLetta is a wide net for the servers that can be attached to; which of them is one is the orchestrator's to say.
func couldBeLetta(c orchestrator.Container) bool {
	said := c.Name + " " + c.Image + " " + c.Labels["com.docker.compose.service"]
	return c.Running && strings.Contains(strings.ToLower(said), "letta")
}

// summary is a container as a list shows it.
func summary(s container.Summary) orchestrator.Container {
	c := orchestrator.Container{
		ID: s.ID, Image: s.Image, ImageID: s.ImageID, Labels: s.Labels, Status: status(s.State),
		Running: s.State == container.StateRunning || s.State == container.StatePaused,
	}
	for _, name := range s.Names {
		if name = strings.TrimPrefix(name, "/"); !strings.Contains(name, "/") { // with one, it is another container's link
			c.Name = name
		}
	}
	return c
}

// detailed is a container as an inspection shows it. Engines leave out whole sections of a container that is just going.
func detailed(r container.InspectResponse) orchestrator.Container {
	c := orchestrator.Container{ID: r.ID, Name: strings.TrimPrefix(r.Name, "/"), ImageID: r.Image, Detailed: true, Restarts: r.RestartCount}
	if r.Config != nil {
		c.Image, c.Labels, c.Env = r.Config.Image, r.Config.Labels, environment(r.Config.Env)
		if t := r.Config.StopTimeout; t != nil {
			c.StopGrace = time.Duration(max(0, *t)) * time.Second
		}
	}
	if s := r.State; s != nil {
		c.Running, c.Status, c.ExitCode, c.OOMKilled = s.Running || s.Paused, status(s.Status), s.ExitCode, s.OOMKilled
		c.StartedAt, c.FinishedAt = stamp(s.StartedAt), stamp(s.FinishedAt)
		if s.Health != nil && s.Health.Status != container.NoHealthcheck {
			c.Health = string(s.Health.Status)
			if n := len(s.Health.Log); n > 0 && s.Health.Log[n-1] != nil {
				last := s.Health.Log[n-1]
				c.LastCheck = orchestrator.Check{Done: true, ExitCode: last.ExitCode, Output: last.Output}
			}
		}
	}
	if r.HostConfig != nil {
		c.MadeFor = string(r.HostConfig.NetworkMode)
	}
	for _, m := range r.Mounts {
		c.Mounts = append(c.Mounts, mountPoint(m))
	}
	if n := r.NetworkSettings; n != nil {
		for name, endpoint := range n.Networks {
			at := orchestrator.Attached{Name: name}
			if endpoint != nil {
				at.ID = endpoint.NetworkID
			}
			c.Networks = append(c.Networks, at)
			if endpoint != nil && c.Running {
				c.Addresses = append(c.Addresses, valid(endpoint.IPAddress, endpoint.GlobalIPv6Address)...)
			}
		}
		if c.Running { // Podman chooses ports when it creates a container, and names them before they are open
			c.Published = published(n)
		}
		slices.SortFunc(c.Networks, func(a, b orchestrator.Attached) int { return strings.Compare(a.Name, b.Name) })
		slices.SortFunc(c.Addresses, netip.Addr.Compare)
	}
	return c
}

// status is Docker's word for a state that Podman splits.
func status(s container.ContainerState) string {
	switch s {
	case "configured", "initialized":
		return "created"
	case "stopping":
		return "running"
	case "stopped":
		return "exited"
	}
	return string(s)
}

func valid(addrs ...netip.Addr) []netip.Addr {
	return slices.DeleteFunc(addrs, func(a netip.Addr) bool { return !a.IsValid() })
}

func environment(list []string) map[string]string {
	env := make(map[string]string, len(list))
	for _, kv := range list {
		k, v, _ := strings.Cut(kv, "=")
		env[k] = v
	}
	return env
}

func mountPoint(m container.MountPoint) orchestrator.MountPoint {
	p := orchestrator.MountPoint{Kind: string(m.Type), Source: m.Source, Target: m.Destination}
	if m.Type == mount.TypeVolume {
		p.Source = m.Name
	}
	return p
}

// published reads the ports that are bound now; those only exposed are listed by the engine without a binding.
func published(n *container.NetworkSettings) []orchestrator.Published {
	var list []orchestrator.Published
	for port, bindings := range n.Ports {
		for _, b := range bindings {
			hostPort, err := strconv.Atoi(b.HostPort)
			if err != nil || hostPort == 0 {
				continue
			}
			ip := b.HostIP
			if !ip.IsValid() { // Podman leaves it empty for all interfaces
				ip = netip.IPv4Unspecified()
			}
			list = append(list, orchestrator.Published{Port: int(port.Num()), HostIP: ip, HostPort: hostPort, Protocol: string(port.Proto())})
		}
	}
	slices.SortFunc(list, func(a, b orchestrator.Published) int {
		if a.Port != b.Port {
			return a.Port - b.Port
		}
		return a.HostIP.Compare(b.HostIP)
	})
	return list
}

// stamp reads an engine's time; the year 1, which stands for never, is the zero time.
func stamp(s string) time.Time {
	t, err := time.Parse(time.RFC3339Nano, s)
	if err != nil || t.Year() <= 1 {
		return time.Time{}
	}
	return t
}
