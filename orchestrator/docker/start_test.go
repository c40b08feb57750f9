package docker

import (
	"context"
	"errors"
	"net/netip"
	"strings"
	"testing"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/network"

	"github.com/letta-dev/letta-dev/orchestrator"
)

// publishedOn is a running container that was asked for one address and got others.
func publishedOn(asked string, got ...string) container.InspectResponse {
	port := network.MustParsePort("8283/tcp")
	bound := []network.PortBinding{}
	for _, ip := range got {
		b := network.PortBinding{HostPort: "49153"}
		if ip != "" {
			b.HostIP = netip.MustParseAddr(ip)
		}
		bound = append(bound, b)
	}
	return container.InspectResponse{
		State:           &container.State{Running: true},
		HostConfig:      &container.HostConfig{PortBindings: network.PortMap{port: {{HostIP: netip.MustParseAddr(asked), HostPort: "0"}}}},
		NetworkSettings: &container.NetworkSettings{Ports: network.PortMap{port: bound}},
	}
}

func TestPublishedAsAsked(t *testing.T) {
	for _, c := range []struct {
		name          string
		c             container.InspectResponse
		done, exposed bool
	}{
		{"as asked", publishedOn("127.0.0.1", "127.0.0.1"), true, false},
		{"not yet", publishedOn("127.0.0.1"), false, false},
		{"on all interfaces", publishedOn("127.0.0.1", "0.0.0.0"), true, true},
		{"on all interfaces, as Podman says it", publishedOn("127.0.0.1", ""), true, true},
		{"on all of IPv6 as well", publishedOn("127.0.0.1", "127.0.0.1", "::"), true, true},
		{"on another address", publishedOn("127.0.0.1", "192.168.1.7"), true, true},
		{"all interfaces were asked for", publishedOn("0.0.0.0", "0.0.0.0", "::"), true, false},
		{"it ended", container.InspectResponse{State: &container.State{}}, true, false},
	} {
		done, err := publishedAsAsked(c.c)
		if done != c.done || errors.As(err, new(*exposedError)) != c.exposed {
			t.Errorf("%s: %t, %v", c.name, done, err)
		}
	}
}

func TestPortClash(t *testing.T) {
	asked := &container.HostConfig{PortBindings: network.PortMap{network.MustParsePort("80/tcp"): {{HostIP: netip.MustParseAddr("127.0.0.1"), HostPort: "5432"}}}}
	random := &container.HostConfig{PortBindings: network.PortMap{network.MustParsePort("80/tcp"): {{HostIP: netip.MustParseAddr("127.0.0.1"), HostPort: "0"}}}}
	for _, c := range []struct {
		said string
		host *container.HostConfig
		want string
	}{
		{"driver failed programming external connectivity on endpoint x (abc): Error starting userland proxy: listen tcp4 127.0.0.1:5432: bind: address already in use", asked, "127.0.0.1:5432"},
		{"driver failed programming external connectivity on endpoint x (abc): Bind for 127.0.0.1:5432 failed: port is already allocated", asked, "127.0.0.1:5432"},
		{"failed to set up container networking: failed to bind host port for 127.0.0.1:49153:172.18.0.2:80/tcp: address already in use", random, "127.0.0.1:49153"},
		{"rootlessport listen tcp [::1]:49153: bind: address already in use", random, "[::1]:49153"},
		{"address already in use", asked, "127.0.0.1:5432"},
		{"address already in use", nil, ""},
		{"exec: \"/nope\": stat /nope: no such file or directory", asked, "none"},
	} {
		err := (&Engine{}).startFault(context.Background(), "n", c.host, errors.New("Error response from daemon: "+c.said))
		var taken *orchestrator.PortTakenError
		switch {
		case !errors.As(err, &taken):
			if c.want != "none" || !strings.HasSuffix(err.Error(), c.said) || strings.Contains(err.Error(), "Error response") {
				t.Errorf("%s: %v", c.said, err)
			}
		case taken.Address != c.want:
			t.Errorf("%s: address %q", c.said, taken.Address)
		}
	}
}
