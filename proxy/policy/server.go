package policy

import (
	"fmt"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/letta-dev/letta-dev/proxy/redact"
)

// ParseWebSocket reads the URL of a WebSocket server. Its query becomes a part of requests, and its token a field of theirs, so
// both are held to what may stand there.
func ParseWebSocket(s string) (*url.URL, error) {
	u, err := ParseServer(s, "ws", "wss", "http", "https")
	unfit := func(c rune) bool { return c <= ' ' || c > '~' }
	if err == nil && strings.ContainsFunc(u.RawQuery+u.Query().Get("token"), unfit) {
		return nil, fmt.Errorf("the query of %q has a character that no request may have", redact.URL(s))
	}
	return u, err
}

// Address is where the server of a URL listens: the host, and the port of the scheme where the URL has none.
func Address(u *url.URL) string {
	switch {
	case u.Port() != "":
		return u.Host
	case u.Scheme == "wss" || u.Scheme == "https":
		return net.JoinHostPort(u.Hostname(), "443")
	}
	return net.JoinHostPort(u.Hostname(), "80")
}

// ParseServer reads the URL of a server behind the proxy, whose scheme is one of those given. Its errors tell no password.
func ParseServer(s string, schemes ...string) (*url.URL, error) {
	u, err := url.Parse(s)
	if err != nil || u.Hostname() == "" || !slices.Contains(schemes, u.Scheme) {
		return nil, fmt.Errorf("%q is not the URL of an upstream: it begins with %s:// and a host", redact.URL(s), strings.Join(schemes, ":// or "))
	}
	if n, err := strconv.ParseUint(u.Port(), 10, 16); u.Port() != "" && (err != nil || n == 0) {
		return nil, fmt.Errorf("the upstream %q has no port from 1 to 65535", redact.URL(s))
	}
	if u.User != nil || strings.Contains(s, "#") {
		return nil, fmt.Errorf("the upstream %q has a user or a fragment, more than a scheme, a host, a port and a path", redact.URL(s))
	}
	return u, nil
}
