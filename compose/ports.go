package compose

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"

	"github.com/compose-spec/compose-go/v2/types"
)

// lettaPort is Letta's REST port, and wsPort its WebSocket port. On the host the proxy holds both, beside 80 and 443.
const (
	lettaPort = 8283
	wsPort    = 8282
)

// ports converts the published ports of a service as the file has them; publish decides later where they may stand.
func (l *loading) ports(name string, c serviceConfig) ([]Port, error) {
	var all []Port
	for i, config := range c.Ports {
		p, err := portOf(config)
		if err != nil {
			return nil, l.reader.failAt(fmt.Sprintf("services.%s.ports.%d", name, i), "", "%s", err)
		}
		all = append(all, p)
	}
	return all, nil
}

func portOf(c types.ServicePortConfig) (Port, error) {
	p := Port{Target: int(c.Target), HostIP: c.HostIP, Protocol: c.Protocol}
	if p.Protocol == "" {
		p.Protocol = "tcp"
	}
	if p.Target < 1 || p.Target > 65535 {
		return p, fmt.Errorf("%d is not a port of a container", p.Target)
	}
	if p.Protocol != "tcp" && p.Protocol != "udp" {
		return p, fmt.Errorf("the protocol %q is not supported, only tcp and udp", p.Protocol)
	}
	if c.Published != "" {
		n, err := strconv.ParseUint(c.Published, 10, 16)
		if err != nil {
			return p, fmt.Errorf("%q is not one port of the host", c.Published)
		}
		p.HostPort = int(n)
	}
	if p.HostIP != "" {
		address, err := netip.ParseAddr(p.HostIP)
		if err != nil {
			return p, fmt.Errorf("%q is not an address", p.HostIP)
		}
		p.HostIP = address.Unmap().String()
	}
	return p, nil
}

// publish moves ports to where they may stand. What the file would open to the network is opened to this machine alone: an
// unconfigured Letta server runs code for whoever reaches it (https://github.com/letta-ai/letta/pull/3407), and its database
// has a known password. The server's own ports make way for the proxy, which stands where the file had them.
func (l *loading) publish() error {
	taken := map[string]string{}
	for i := range l.project.Services {
		s := &l.project.Services[i]
		for i := range s.Ports {
			p := &s.Ports[i]
			asked := p.HostIP
			p.HostIP = loopback(asked)
			switch {
			case s.Name == l.project.Settings.Server && wanted(*p):
				l.note("%s: port %d is published on a free port of %s, because the proxy stands on %d", s.Name, p.Target, p.HostIP, p.HostPort)
				p.HostPort = 0
			case p.HostIP != asked:
				l.note("%s: port %d is published on %s alone, not on every address of this machine", s.Name, p.Target, p.HostIP)
			}
		}
		s.Ports = once(s.Ports)
		for _, p := range s.Ports {
			at := netip.AddrPortFrom(netip.MustParseAddr(p.HostIP), uint16(p.HostPort))
			key := p.Protocol + " " + at.String()
			if other, twice := taken[key]; twice && p.HostPort != 0 {
				return l.reader.failAt("services."+s.Name+".ports", "", "%s is published twice, for port %d here and for %s", at, p.Target, other)
			}
			taken[key] = fmt.Sprintf("port %d of %s", p.Target, s.Name)
		}
	}
	return nil
}

// loopback is the address of this machine alone that stands for all of its addresses of a family.
func loopback(ip string) string {
	switch ip {
	case "", "0.0.0.0":
		return "127.0.0.1"
	case "::":
		return "::1"
	}
	return ip
}

// once leaves out the ports that came to be the same as one before them.
func once(ports []Port) []Port {
	var all []Port
	for _, p := range ports {
		if !slices.Contains(all, p) {
			all = append(all, p)
		}
	}
	return all
}

// wanted tells whether the proxy stands where the server's port would be published.
func wanted(p Port) bool {
	return (p.Target == lettaPort || p.Target == wsPort) && slices.Contains([]int{80, 443, lettaPort, wsPort}, p.HostPort)
}
