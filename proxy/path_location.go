package proxy

import (
	"cmp"
	"net/netip"
	"slices"
	"strings"

	"github.com/letta-dev/letta-dev/proxy/http1"
)

// fixLocations makes redirects lead where they are meant to, seen from the client: those of Location and Refresh, and the
// Content-Location that says where an answer is found. URLs elsewhere, in Link or in pages, pass as they are.
func (x *exchange) fixLocations(fields http1.Fields, up *upstreamConn) {
	for i, f := range fields {
		switch {
		case f.Is("location"), f.Is("content-location"):
			fields[i].Value = x.relocated(f.Value, up)
		case f.Is("refresh"):
			fields[i].Value = x.refreshed(f.Value, up)
		}
	}
}

// refreshed is relocated for a field that is a number of seconds and a URL: 5; url=http://localhost:3000/
func (x *exchange) refreshed(value string, up *upstreamConn) string {
	before, location, after := splitRefresh(value)
	return before + x.relocated(location, up) + after
}

// splitRefresh cuts a Refresh field in front of its URL and behind it, where browsers do (HTML, section 4.2.5.3, the shared
// declarative refresh steps): the url= may be left out, and there may be blanks around all parts.
func splitRefresh(value string) (before, location, after string) {
	const blanks = " \t"
	rest := strings.TrimLeft(strings.TrimLeft(value, blanks), "0123456789.")
	rest = strings.TrimLeft(rest, blanks)
	if rest != "" && strings.Contains(";,", rest[:1]) {
		rest = strings.TrimLeft(rest[1:], blanks)
	}
	if key := rest[:min(3, len(rest))]; lower(key) == "url" {
		if url, ok := strings.CutPrefix(strings.TrimLeft(rest[3:], blanks), "="); ok {
			rest = strings.TrimLeft(url, blanks)
		}
	}
	location = rest
	if rest != "" && strings.Contains(`"'`, rest[:1]) {
		location, _, _ = strings.Cut(rest[1:], rest[:1])
		rest = rest[1:]
	}
	return value[:len(value)-len(rest)], location, rest[len(location):]
}

// relocated is a redirect as it has to be for the client. One that names the server itself, which nobody but us is to ask
// directly, gets the scheme, host and port that the client used. One to ourselves gets that scheme: the Letta server writes http
// into it unless it trusts our X-Forwarded-Proto, and then clients drop their Authorization on the way (letta#3189). Both get the
// prefix of the route that the server does not know.
func (x *exchange) relocated(location string, up *upstreamConn) string {
	scheme, authority, path := splitLocation(location)
	if authority == "" && !strings.HasPrefix(path, "/") { // relative to the request, or to nothing of ours
		return location
	}
	if authority != "" {
		there, ok := endpointOf(authority, defaultPort(cmp.Or(schemeName(scheme), x.request.scheme())))
		switch {
		case !ok:
			return location
		case x.leadsHere(there, scheme):
			if x.request.secure && lower(scheme) == "http://" {
				scheme = "https://"
			}
		case x.namesServer(there, up), x.namesListener(there):
			scheme, authority = x.request.scheme()+"://", userOf(authority)+x.request.Host
		default:
			return location
		}
	}
	if x.pathRoute != nil {
		path = x.pathRoute.outside(path)
	}
	return scheme + authority + path
}

// leadsHere reports whether a URL leads to the listener that the client asked, perhaps by the other scheme: its port is the one the
// client used, or each of them has that of its scheme.
func (x *exchange) leadsHere(there endpoint, scheme string) bool {
	asked, _ := endpointOf(x.request.Host, defaultPort(x.request.scheme()))
	plain := there.port == defaultPort(cmp.Or(schemeName(scheme), x.request.scheme())) && asked.port == defaultPort(x.request.scheme())
	return x.proxy.hosts.has(there.host) && (there.port == asked.port || plain)
}

// namesListener reports whether a URL leads to another of our listeners, under the name the client used: nginx in a container, where
// it listens on port 80, leaves the port out.
func (x *exchange) namesListener(there endpoint) bool {
	asked, _ := endpointOf(x.request.Host, "")
	return there.host == asked.host && slices.ContainsFunc(x.proxy.config.Listeners, func(l Listener) bool {
		at, ok := endpointOf(l.Addr().String(), "")
		return ok && !l.WebSocket && at.port == there.port
	})
}

// namesServer reports whether a URL leads to the server that answers: by its address, however that is spelled, or by the name that
// the client used and the server's port, as nginx makes them up of Host and the port it listens on.
func (x *exchange) namesServer(there endpoint, up *upstreamConn) bool {
	asked, _ := endpointOf(x.request.Host, "")
	means := func(authority string) bool {
		server, ok := endpointOf(authority, "")
		return ok && there.port == server.port && (there.host == asked.host || sameHost(there.host, server.host))
	}
	for _, authority := range up.first.upstream.Authorities {
		if means(authority) {
			return true
		}
	}
	return means(up.RemoteAddr().String()) // of an engine's stream it is no address
}

// An endpoint is where the server of a URL listens, in one spelling of many.
type endpoint struct{ host, port string }

// endpointOf reads an authority, user information included, and reports false for what is none.
func endpointOf(authority, defaultPort string) (endpoint, bool) {
	authority = authority[len(userOf(authority)):]
	host, ok := parseHost(authority)
	if addr, err := netip.ParseAddr(host); err == nil {
		host = addr.Unmap().String()
	}
	_, port, _ := splitPort(authority)
	return endpoint{host, cmp.Or(strings.TrimLeft(port, "0"), defaultPort)}, ok
}

// userOf is the user information of an authority with the @ behind it, or nothing.
func userOf(authority string) string { return authority[:strings.LastIndexByte(authority, '@')+1] }

// sameHost reports whether two hosts, as an endpoint has them, are one server's: a server on the loopback calls itself localhost,
// and one that listens everywhere has no address to tell.
func sameHost(a, b string) bool {
	return a == b || unspecified(a) || onLoopback(a) && (onLoopback(b) || unspecified(b))
}

// onLoopback: every name in .localhost is (RFC 6761, section 6.3). Other addresses of 127.0.0.0/8 may be those of other servers.
func onLoopback(host string) bool {
	return host == "127.0.0.1" || host == "::1" || host == "localhost" || strings.HasSuffix(host, ".localhost")
}

func unspecified(host string) bool { return host == "0.0.0.0" || host == "::" }

// outside is a path of the upstream as clients know it. One that has the route's prefix already is from a server that
// heeds X-Forwarded-Prefix.
func (w *pathRoute) outside(path string) string {
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

// schemeName is the scheme that splitLocation has cut off, "" for none.
func schemeName(scheme string) string { return strings.TrimRight(lower(scheme), ":/") }
