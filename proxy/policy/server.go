package policy

import (
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/letta-dev/letta-dev/proxy/redact"
)

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
