package policy

import (
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/letta-dev/letta-dev/proxy/redact"
)

// A Route sends the requests below a path to a server of its own, without that path.
type Route struct {
	// Path begins and ends with "/". It is compared byte for byte.
	Path string `json:"path"`
	// Upstream is an http or https URL. A path in it stands in front of what is left of the request's, as for nginx's
	// proxy_pass. Empty: the Letta server.
	Upstream string `json:"upstream,omitempty"`
}

const (
	routeExample    = "write a path as /letta/"
	upstreamExample = "write http://HOST:PORT/"
)

// ParseRoute reads PATH or PATH=URL.
func ParseRoute(s string) (Route, error) {
	path, upstream, _ := strings.Cut(s, "=")
	r := Route{path, upstream}
	if path != s && upstream == "" {
		return Route{}, wrong("routes", "write /letta/=http://127.0.0.1:3000", "no URL behind the = of %q", s)
	}
	return r, r.check("routes")
}

func (r *Route) check(setting string) error {
	if err := CheckPath(r.Path); err != nil {
		return wrong(setting+".path", routeExample, "%w", err)
	}
	if r.Upstream == "" {
		if r.Path == "/" {
			return wrong(setting+".path", routeExample, "a route for %q without an upstream changes nothing", r.Path)
		}
		return nil
	}
	_, err := ParseUpstream(r.Upstream)
	if err != nil {
		return wrong(setting+".upstream", upstreamExample, "%w", err)
	}
	return nil
}

// CheckPath tells what is wrong with the path of a route.
func CheckPath(s string) error {
	shown := redact.URL(s) // somebody may have left out the path, and given a URL alone
	switch {
	case s == "":
		return fmt.Errorf("a route without a path")
	case !strings.HasPrefix(s, "/") || !strings.HasSuffix(s, "/"):
		return fmt.Errorf("the path %q of a route does not begin and end with /", shown)
	case strings.Contains(s, "%"):
		return fmt.Errorf("the path %q of a route has a %%: one path must not have two spellings", shown)
	case strings.ContainsFunc(s, notInPath):
		return fmt.Errorf("the path %q of a route has a character that a path cannot have", shown)
	case s != "/" && slices.ContainsFunc(strings.Split(strings.Trim(s, "/"), "/"), notASegment), strings.HasPrefix(s, "//"), s != "/" && strings.HasSuffix(s, "//"):
		return fmt.Errorf(`the path %q of a route has a part that is empty, "." or ".."`, shown)
	}
	return nil
}

// notInPath: RFC 3986, section 3.3.
func notInPath(r rune) bool {
	letter := 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9'
	return !letter && !strings.ContainsRune("/-._~!$&'()*+,;=:@", r)
}

func notASegment(s string) bool { return s == "" || s == "." || s == ".." }

// ParseUpstream reads the URL of an upstream. Its Path ends with "/", and is what the path of a request is put behind.
func ParseUpstream(s string) (*url.URL, error) {
	u, err := ParseServer(s, "http", "https")
	if err != nil {
		return nil, err
	}
	if u.RawQuery != "" || u.ForceQuery {
		return nil, fmt.Errorf("the upstream %q has a query, more than a scheme, a host, a port and a path", redact.URL(s))
	}
	if !strings.HasSuffix(u.Path, "/") {
		u.Path += "/"
	}
	if err := CheckPath(u.Path); err != nil || u.RawPath != "" {
		return nil, fmt.Errorf("the path of the upstream %q is not plain: it has a part that is empty, . or .., or characters in another spelling", redact.URL(s))
	}
	return u, nil
}

func (r *Rules) checkRoutes() error {
	seen := map[string]bool{}
	for i := range r.Routes {
		setting := "routes." + strconv.Itoa(i)
		if err := r.Routes[i].check(setting); err != nil {
			return err
		}
		path := r.Routes[i].Path
		if seen[path] {
			return wrong(setting, "leave one of them out", "two routes for the path %q", path)
		}
		seen[path] = true
	}
	return nil
}
