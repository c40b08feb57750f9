package proxy

import (
	"strings"

	"github.com/letta-dev/letta-dev/proxy/http1"
)

// fixLocation makes a redirect lead where it is meant to, seen from the client.
func (x *exchange) fixLocation(fields http1.Fields) {
	if !x.request.secure && x.way == nil {
		return
	}
	for i, f := range fields {
		if f.Is("location") {
			fields[i].Value = x.relocated(f.Value)
		}
	}
}

// relocated gives a redirect to ourselves the scheme the client used, and the path of the route that its server does not
// know. The Letta server writes http into it unless it trusts our X-Forwarded-Proto, and then clients drop their
// Authorization on the way (letta#3189).
func (x *exchange) relocated(location string) string {
	scheme, authority, path := splitLocation(location)
	fromUpstream := x.way != nil && authority != "" && lower(authority) == lower(x.way.authority)
	switch {
	case authority == "" && !strings.HasPrefix(path, "/"), // relative to the request, or to nothing of ours
		authority != "" && !fromUpstream && lower(authority) != lower(x.request.Host):
		return location
	case fromUpstream:
		scheme, authority = x.request.scheme()+"://", x.request.Host
	case x.request.secure && lower(scheme) == "http://":
		scheme = "https://"
	}
	if x.way != nil {
		path = x.way.outside(path)
	}
	return scheme + authority + path
}

// outside is a path of the upstream as clients know it. One that has the route's prefix already is from a server that
// heeds X-Forwarded-Prefix.
func (w *way) outside(path string) string {
	if !strings.HasPrefix(path, "/") {
		path = "/" + path // http://host?query
	}
	rest, ok := strings.CutPrefix(path, w.base)
	if !ok || w.base == "/" && strings.HasPrefix(path, w.prefix) {
		return path
	}
	return w.prefix + rest
}

// splitLocation cuts a URI reference behind its scheme and its authority (RFC 3986, section 4.1), with the separators, so
// that the parts make up the whole. A reference of another kind is all path.
func splitLocation(s string) (scheme, authority, path string) {
	for _, scheme := range []string{"http://", "https://", "//"} {
		if len(s) < len(scheme) || lower(s[:len(scheme)]) != scheme {
			continue
		}
		rest := s[len(scheme):]
		end := strings.IndexAny(rest, `/?#\`)
		if end < 0 {
			end = len(rest)
		}
		return s[:len(scheme)], rest[:end], rest[end:]
	}
	return "", "", s
}
