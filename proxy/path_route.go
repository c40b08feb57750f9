package proxy

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/letta-dev/letta-dev/proxy/http1"
	"github.com/letta-dev/letta-dev/proxy/policy"
)

// A pathRoute is where requests below a path go.
type pathRoute struct {
	prefix  string   // of the path, from "/" to "/"
	base    string   // stands in its place towards the upstream; likewise
	backend *backend // nil: the Letta server and its WebSockets
}

// pathRoutes are those of the configured routes, in the order of the table: the longest prefix first.
type pathRoutes []*pathRoute

// newPathRoutes makes one backend for every server, however many routes lead to it.
func (p *Proxy) newPathRoutes(routes []policy.Route) (pathRoutes, error) {
	var all pathRoutes
	known := map[string]*backend{}
	for _, route := range routes {
		w := &pathRoute{prefix: route.Path, base: "/"}
		if route.Upstream != "" {
			u, err := policy.ParseUpstream(route.Upstream)
			if err != nil {
				return nil, err
			}
			server := (&url.URL{Scheme: u.Scheme, Host: u.Host}).String()
			if known[server] == nil {
				upstream := p.config.RouteUpstream(u)
				upstream.Authorities = append(upstream.Authorities, policy.Address(u))
				known[server] = p.newBackend(&upstream)
			}
			w.base, w.backend = u.Path, known[server]
		}
		all = append(all, w)
	}
	return all, nil
}

func (w pathRoutes) backends() []*backend {
	var all []*backend
	for _, way := range w {
		if way.backend != nil && !slices.Contains(all, way.backend) {
			all = append(all, way.backend)
		}
	}
	return all
}

// match returns the route of a path, byte for byte: nil for none. bare says that only the final slash is missing.
func (w pathRoutes) match(path string) (_ *pathRoute, bare bool) {
	for _, way := range w {
		if strings.HasPrefix(path, way.prefix) {
			return way, false
		}
		if path == way.prefix[:len(way.prefix)-1] {
			return way, true
		}
	}
	return nil, false
}

// forwardedPrefix is what the server of a route does not see of a path.
func (w *pathRoute) forwardedPrefix() string {
	if w == nil {
		return ""
	}
	return strings.TrimSuffix(w.prefix, "/")
}

// target is that of the request towards the upstream.
func (w *pathRoute) target(target string) string { return w.base + target[len(w.prefix):] }

// matchRoute finds the route of a request. It returns false when it has answered itself.
func (x *exchange) matchRoute() bool {
	path, query, queried := strings.Cut(x.request.Path, "?")
	w, bare := x.proxy.pathRoutes.match(path)
	switch {
	case bare:
		location := w.prefix
		if queried {
			location += "?" + query
		}
		x.sendError(&answer{
			status: http.StatusPermanentRedirect, code: "moved", message: "the path of this route ends with a slash",
			fields: http1.Fields{{Name: "Location", Value: location}},
		})
		return false
	case w != nil && w.base != "/" && escapesPrefix(path[len(w.prefix):]):
		x.sendError(&answer{
			status: http.StatusBadRequest, code: "bad_path", message: "the path leads out of the route it began in",
			hint: "write the path without ..",
		})
		return false
	case w != nil:
		x.pathRoute, x.target = w, w.target(x.request.Path)
	}
	return true
}
