package main

import (
	"net"
	"net/url"

	"github.com/letta-dev/letta-dev/orchestrator"
	"github.com/letta-dev/letta-dev/proxy/listen"
	"github.com/letta-dev/letta-dev/proxy/policy"
	"github.com/letta-dev/letta-dev/proxy/redact"
)

// refuseOwn refuses an upstream that is an address the proxy itself listens on: every request would come back to it. A port that may
// be dropped is none, for the upstream may be what holds it.
func (cfg serveConfig) refuseOwn(command string) error {
	var own []string
	for _, l := range cfg.Listeners {
		if !l.Optional {
			own = append(own, l.Address)
		}
	}
	upstreams := []string{cfg.URL, cfg.WebSocket}
	for _, r := range cfg.Policy.Routes {
		upstreams = append(upstreams, r.Upstream)
	}
	for _, upstream := range upstreams {
		u, err := url.Parse(upstream)
		if upstream == "" || err != nil { // the latter is refused elsewhere
			continue
		}
		address := policy.Address(u)
		if host, port, err := net.SplitHostPort(address); err == nil && orchestrator.IsLocalhost(host) {
			address = net.JoinHostPort("localhost", port) // as which it is dialled, under whatever name
		}
		i, err := listen.Config{AllowNonLoopback: true}.Check(append(own[:len(own):len(own)], address))
		if i == len(own) && is[*listen.RepeatedAddressError](err) {
			return usagef(command+" --listen 8443  # and the rest as before",
				"the upstream %s is where letta-dev itself is to listen: each request would come back to it", redact.URL(upstream))
		}
	}
	return nil
}
