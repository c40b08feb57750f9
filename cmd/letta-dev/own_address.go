package main

import (
	"net"
	"net/url"

	"github.com/letta-dev/letta-dev/proxy"
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
		i, err := proxy.ListenConfig{AllowNonLoopback: true}.Check(append(own[:len(own):len(own)], addressOf(upstream)))
		if i == len(own) && is[*proxy.RepeatedAddressError](err) {
			return usagef(command+" --listen 8443  # and the rest as before",
				"the upstream %s is where letta-dev itself is to listen: each request would come back to it", redact.URL(upstream))
		}
	}
	return nil
}

// addressOf is where the server of a URL listens. URLs that do not say it are refused elsewhere.
func addressOf(upstream string) string {
	u, err := url.Parse(upstream)
	if err != nil {
		return ""
	}
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "ws": "80", "https": "443", "wss": "443"}[u.Scheme]
	}
	return net.JoinHostPort(u.Hostname(), port)
}
