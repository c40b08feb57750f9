package docker

import (
	"context"
	"net"
	"net/url"
	"os"
	"slices"
	"strings"

	"github.com/moby/moby/api/types/system"
	"github.com/moby/moby/client"

	"github.com/letta-dev/letta-dev/orchestrator"
)

// describe asks an engine that answered what it is.
func (o Options) describe(ctx context.Context, api *client.Client, p place, ping client.PingResult) (*Engine, error) {
	v, err := api.ServerVersion(ctx, client.ServerVersionOptions{})
	if err != nil {
		return nil, err
	}
	if v.Version == "" {
		return nil, &impostor{said: notAnEngine}
	}
	host := p.endpoint.Host
	e := &Engine{api: api, podman: isPodman(ping, v), pullSilence: pullSilence, loadSilence: loadSilence}
	e.info = orchestrator.EngineInfo{
		Name: "docker", Version: v.Version, API: api.ClientVersion(), Host: host, Found: p.found, Local: isLocal(host),
	}
	if e.podman {
		e.info.Name = "podman"
	}
	if o.GOOS != "linux" || !strings.HasPrefix(host, "unix://") {
		return e, nil
	}
	answer, err := api.Info(ctx, client.InfoOptions{})
	if err != nil {
		return nil, err
	}
	hostname, err := os.Hostname()
	e.info.Direct = err == nil && sharesNetwork(answer.Info, hostname)
	return e, nil
}

// isPodman tells the two by the version's first component; a ping of Podman 4 also leaves out the operating system.
func isPodman(ping client.PingResult, v client.ServerVersionResult) bool {
	return ping.OSType == "" || len(v.Components) > 0 && strings.HasPrefix(v.Components[0].Name, "Podman")
}

// isLocal reports whether an engine at host publishes its ports on this machine's loopback.
func isLocal(host string) bool {
	u, err := url.Parse(host)
	if err != nil {
		return false
	}
	ip := net.ParseIP(u.Hostname())
	switch u.Scheme {
	case "unix", "npipe":
		return true
	case "ssh": // even to localhost it may go through to another machine
		return false
	}
	return u.Hostname() == "localhost" || ip != nil && ip.IsLoopback()
}

// sharesNetwork reports whether the containers of a local engine have addresses that this machine can dial. They have not when a
// virtual machine is between (Docker Desktop, Colima, OrbStack, podman machine: another host name), when the network is inside a
// user namespace (rootless), or when letta-dev itself runs in a container that was given the socket (another host name again).
func sharesNetwork(i system.Info, hostname string) bool {
	rootless := slices.ContainsFunc(i.SecurityOptions, func(s string) bool { return strings.HasPrefix(s, "name=rootless") })
	return !rootless && i.OperatingSystem != "Docker Desktop" && i.OSType == "linux" && i.Name == hostname
}
