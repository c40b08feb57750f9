package compose

import (
	"errors"
	"fmt"
	"maps"
	"net"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/letta-dev/letta-dev/proxy/policy"
)

// settingsShape is x-letta-dev: as strict as the rest of the file, so that a slip of the pen is not a setting ignored.
func settingsShape() *shape {
	return &shape{keys: map[string]*shape{
		"server":    one(text),
		"hosts":     list(host),
		"routes":    {item: &shape{keys: map[string]*shape{"path": one(routePath), "upstream": one(routeUpstream)}}},
		"headers":   {keys: map[string]*shape{"request": headersShape(), "response": headersShape()}},
		"cors":      {keys: map[string]*shape{"origins": list(origin)}},
		"limits":    {keys: map[string]*shape{"body": one(bodySize), "rate": one(rate)}},
		"gzip":      one(boolean),
		"cache":     one(age),
		"listeners": list(listener),
		"websocket": {keys: map[string]*shape{"upstream": one(upstream)}},
	}}
}

// settle takes over x-letta-dev.
func (l *loading) settle() error {
	s := l.model.Letta
	l.project.Settings = Settings{
		Server: s.Server, Hosts: s.Hosts, Origins: s.CORS.Origins, Listeners: s.Listeners, WebSocket: WebSocket{Upstream: s.WebSocket.Upstream},
		Policy: s.policy(),
	}
	l.project.settings = maps.Clone(l.reader.at)
	maps.DeleteFunc(l.project.settings, func(path string, _ position) bool { return !strings.HasPrefix(path, "x-letta-dev.") })
	var wrong *policy.Error
	if errors.As(l.project.Settings.Policy.Check(), &wrong) {
		return l.reader.failAt("x-letta-dev."+wrong.Setting, "", "%s: %s", wrong.Problem, wrong.Advice)
	}
	return nil
}

func host(v any) (any, error) {
	s := fmt.Sprint(v)
	name := regexp.MustCompile(`^([A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?)(\.[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?)*$`)
	number := regexp.MustCompile(`(^|\.)([0-9]+|0[xX][0-9A-Fa-f]*)$`) // of an address, for browsers: https://url.spec.whatwg.org/#ends-in-a-number-checker
	if net.ParseIP(s) == nil && (!name.MatchString(s) || number.MatchString(s) || len(s) > 253) {
		return nil, fmt.Errorf("%q is not a host name: write it without scheme, port and path", s)
	}
	return s, nil
}

// origin is the ASCII form of RFC 6454 section 6.2, which is what a browser sends.
func origin(v any) (any, error) {
	s := fmt.Sprint(v)
	u, err := url.Parse(s)
	if err != nil || !slices.Contains([]string{"http", "https"}, u.Scheme) || s != u.Scheme+"://"+u.Host || !isAuthority(u) {
		return nil, fmt.Errorf("%q is not a web origin: write https://HOST or https://HOST:PORT and nothing after it", s)
	}
	return s, nil
}

// isAuthority says whether a URL has a host that there can be, and a port. Containers have names with an underscore.
func isAuthority(u *url.URL) bool {
	_, err := host(strings.ReplaceAll(u.Hostname(), "_", "-"))
	port, notANumber := strconv.ParseUint(u.Port(), 10, 16)
	return err == nil && (u.Port() == "" && !strings.HasSuffix(u.Host, ":") || notANumber == nil && port > 0)
}

func listener(v any) (any, error) {
	s := fmt.Sprint(v)
	port := s
	if address, p, err := net.SplitHostPort(s); err == nil && address != "" {
		port = p
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
		return nil, fmt.Errorf("%q is not an address to listen on: write PORT or HOST:PORT", s)
	}
	return s, nil
}

func upstream(v any) (any, error) {
	s := fmt.Sprint(v)
	_, err := policy.ParseWebSocket(s)
	return s, err
}
