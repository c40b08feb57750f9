package docker

import (
	"fmt"
	"maps"
	"net/netip"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/distribution/reference"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/mount"
	"github.com/moby/moby/api/types/network"
	"github.com/moby/moby/client"

	"github.com/letta-dev/letta-dev/compose"
	"github.com/letta-dev/letta-dev/orchestrator"
)

// creation is what the API wants to know of a new container.
type creation struct {
	options client.ContainerCreateOptions
	join    []joining // the networks beyond the first: before API 1.44 a container is created with one at most
}

type joining struct {
	network  string
	endpoint *network.EndpointSettings
}

// translate says a Spec in the API's words. It changes nothing and asks nobody.
func translate(name string, s orchestrator.Spec) (creation, error) {
	ports, err := portBindings(s.Ports)
	if err != nil {
		return creation{}, err
	}
	config := &container.Config{
		Image: s.Image, Entrypoint: s.Entrypoint, Cmd: s.Command, Env: assignments(s.Environment),
		Hostname: s.Hostname, User: s.User, WorkingDir: s.WorkingDir, Labels: labels(s),
		ExposedPorts: network.PortSet{}, Healthcheck: healthcheck(s.Healthcheck), StopTimeout: wholeSeconds(s.StopGrace),
	}
	for port := range ports {
		config.ExposedPorts[port] = struct{}{}
	}
	host := &container.HostConfig{
		PortBindings: ports, ExtraHosts: slices.Clone(s.ExtraHosts), ShmSize: s.ShmSize, Tmpfs: tmpfs(s.Tmpfs),
		CapAdd: s.CapAdd, CapDrop: s.CapDrop, SecurityOpt: s.SecurityOpt,
	}
	if host.RestartPolicy, err = restartPolicy(s.Restart); err != nil {
		return creation{}, err
	}
	if s.Init {
		host.Init = &s.Init
	}
	for _, u := range s.Ulimits {
		host.Ulimits = append(host.Ulimits, &container.Ulimit{Name: u.Name, Soft: u.Soft, Hard: u.Hard})
	}
	if err := addMounts(host, s); err != nil {
		return creation{}, err
	}
	c := creation{options: client.ContainerCreateOptions{Name: name, Config: config, HostConfig: host}}
	return c, c.addNetworks(s)
}

// portBindings publishes each port on exactly the address asked for. One without an address is refused: the engine would publish
// it on all interfaces.
func portBindings(ports []compose.Port) (network.PortMap, error) {
	bindings := network.PortMap{}
	for _, p := range ports {
		port, ok := network.PortFrom(uint16(p.Target), network.IPProtocol(p.Protocol))
		if !ok || p.Target <= 0 || p.Target > 0xffff {
			return nil, fmt.Errorf("port %d/%s is none a container can have", p.Target, p.Protocol)
		}
		ip, err := netip.ParseAddr(p.HostIP)
		if err != nil {
			return nil, fmt.Errorf("port %d is to be published on %q, which is no address: %w", p.Target, p.HostIP, err)
		}
		bindings[port] = append(bindings[port], network.PortBinding{HostIP: ip, HostPort: strconv.Itoa(p.HostPort)})
	}
	return bindings, nil
}

// assignments sorts, so that the same configuration is the same request.
func assignments(env map[string]string) []string {
	var list []string
	for _, k := range slices.Sorted(maps.Keys(env)) {
		list = append(list, k+"="+env[k])
	}
	return list
}

// labels are the service's own and ours; ours win.
func labels(s orchestrator.Spec) map[string]string {
	all := map[string]string{}
	maps.Copy(all, s.Labels)
	maps.Copy(all, s.OurLabels)
	return all
}

func healthcheck(h *compose.Healthcheck) *container.HealthConfig {
	if h == nil {
		return nil
	}
	return &container.HealthConfig{Test: h.Test, Interval: h.Interval, Timeout: h.Timeout, StartPeriod: h.StartPeriod, Retries: h.Retries}
}

// wholeSeconds rounds up; nil leaves the choice to the engine.
func wholeSeconds(d time.Duration) *int {
	if d <= 0 {
		return nil
	}
	s := int((d + time.Second - 1) / time.Second)
	return &s
}

func tmpfs(list []string) map[string]string {
	mounts := map[string]string{}
	for _, t := range list {
		path, options, _ := strings.Cut(t, ":")
		mounts[path] = options
	}
	return mounts
}

func restartPolicy(s string) (container.RestartPolicy, error) {
	mode, count, counted := strings.Cut(s, ":")
	policy := container.RestartPolicy{Name: container.RestartPolicyMode(mode)}
	if !counted {
		return policy, nil
	}
	n, err := strconv.Atoi(count)
	if err != nil || n < 0 {
		return policy, fmt.Errorf("restart %q: %q is no number of attempts", s, count)
	}
	policy.MaximumRetryCount = n
	return policy, nil
}

// addMounts puts volumes and folders in. A folder goes in as a "bind", which lets the engine make it when it is not there, as
// docker compose does for the short syntax. What goes in as a mount must be there: one with a colon in it, which a bind cannot say, and
// one whose target has the name of a file, for an engine would make a folder in the place of a file that is missing.
func addMounts(host *container.HostConfig, s orchestrator.Spec) error {
	for _, m := range s.Mounts {
		switch {
		case m.Kind == "volume":
			name, ok := s.VolumeNames[m.Source]
			if !ok {
				return fmt.Errorf("volume %q has no name in the engine", m.Source)
			}
			host.Mounts = append(host.Mounts, mount.Mount{Type: mount.TypeVolume, Source: name, Target: m.Target, ReadOnly: m.ReadOnly})
		case m.Kind != "bind":
			return fmt.Errorf("mount of kind %q at %q is neither volume nor bind", m.Kind, m.Target)
		case strings.Contains(withoutDrive(m.Source), ":") || strings.Contains(m.Target, ":") || isFileName(m.Target):
			host.Mounts = append(host.Mounts, mount.Mount{Type: mount.TypeBind, Source: m.Source, Target: m.Target, ReadOnly: m.ReadOnly})
		default:
			mode := ""
			if m.ReadOnly {
				mode = ":ro"
			}
			host.Binds = append(host.Binds, m.Source+":"+m.Target+mode)
		}
	}
	return nil
}

// isFileName says whether a path in a container ends in the name of a file: init.sql, and not conf.d or .config.
func isFileName(target string) bool {
	base := path.Base(target)
	ext := path.Ext(base)
	return len(ext) > 1 && ext != ".d" && ext != base
}

// withoutDrive is a path after the drive letter Windows gives it.
func withoutDrive(path string) string {
	if len(path) > 1 && path[1] == ':' {
		return path[2:]
	}
	return path
}

// addNetworks joins the container to its networks, as docker compose does.
func (c *creation) addNetworks(s orchestrator.Spec) error {
	for i, a := range s.Networks {
		name, ok := s.NetworkNames[a.Network]
		if !ok {
			return fmt.Errorf("network %q has no name in the engine", a.Network)
		}
		endpoint := endpointOf(s, a)
		if i > 0 {
			c.join = append(c.join, joining{name, endpoint})
			continue
		}
		c.options.HostConfig.NetworkMode = container.NetworkMode(name)
		c.options.NetworkingConfig = &network.NetworkingConfig{EndpointsConfig: map[string]*network.EndpointSettings{name: endpoint}}
	}
	return nil
}

// endpointOf is a service's place in a network, where it answers to its own name too.
func endpointOf(s orchestrator.Spec, a compose.Attachment) *network.EndpointSettings {
	aliases := slices.Clone(a.Aliases)
	if s.Name != "" && !slices.Contains(aliases, s.Name) {
		aliases = append(aliases, s.Name)
	}
	return &network.EndpointSettings{Aliases: aliases}
}

// qualify writes a short name out for Podman, which has no default registry. Docker gets names as they were given: it shows them.
func (e *Engine) qualify(ref string) string {
	if !e.podman {
		return ref
	}
	named, err := reference.ParseDockerRef(ref)
	if err != nil {
		return ref // an ID, or what the engine will refuse in words of its own
	}
	return named.String()
}
