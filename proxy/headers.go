package proxy

import (
	"net"
	"net/http"
	"strings"
)

// removeHopByHop removes the fields that end at this connection: those that
// Connection names, and those that are hop-by-hop even where it does not (RFC
// 9110, section 7.6.1). "TE: trailers" is put back, since trailers are carried.
func removeHopByHop(h http.Header) {
	trailers := hasToken(h["Te"], "trailers")
	for _, value := range h["Connection"] {
		for name := range strings.SplitSeq(value, ",") {
			h.Del(strings.Trim(name, " \t"))
		}
	}
	for _, name := range []string{
		"Connection", "Proxy-Connection", "Keep-Alive", "Te", "Trailer", "Transfer-Encoding", "Upgrade",
		"Http2-Settings", "Proxy-Authenticate", "Proxy-Authorization",
	} {
		h.Del(name)
	}
	if trailers {
		h.Set("Te", "trailers")
	}
}

// setForwarded replaces whatever a client said about the way its request took
// with what we know. name is ours, for Via.
func setForwarded(h http.Header, r *http.Request, name string) {
	for field := range h {
		if isForwarding(field) {
			delete(h, field)
		}
	}
	client, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		client = r.RemoteAddr
	}
	_, port, _ := splitPort(r.Host)
	if port == "" {
		port = defaultPort(scheme(r))
	}
	h.Set("X-Forwarded-For", client)
	h.Set("X-Forwarded-Proto", scheme(r))
	h.Set("X-Forwarded-Host", r.Host)
	h.Set("X-Forwarded-Port", port)
	via := strings.TrimPrefix(r.Proto, "HTTP/") + " " + name
	if earlier := h["Via"]; len(earlier) > 0 {
		via = strings.Join(earlier, ", ") + ", " + via
	}
	h.Set("Via", via)
}

// isForwarding reports whether a server may take a field for the word of its
// proxy. WSGI and CGI servers read "-" and "_" alike, so both spellings count;
// Proxy is the httpoxy hole (CVE-2016-5385).
func isForwarding(field string) bool {
	field = strings.ReplaceAll(lower(field), "_", "-")
	if strings.HasPrefix(field, "x-forwarded") {
		return true
	}
	switch field {
	case "forwarded", "forwarded-for", "x-real-ip", "x-client-ip", "true-client-ip", "x-cluster-client-ip", "x-remote-ip",
		"x-remote-addr", "x-original-url", "x-original-uri", "x-original-host", "x-original-forwarded-for", "x-rewrite-url",
		"x-host", "x-scheme", "x-url-scheme", "front-end-https", "proxy":
		return true
	}
	return false
}

// fixLocation gives a redirect to ourselves the scheme the client used. The Letta
// server writes http into it unless it trusts our X-Forwarded-Proto, and then
// clients drop their Authorization on the way (letta#3189).
func fixLocation(h http.Header, r *http.Request) {
	const plain = "http://"
	location := h.Get("Location")
	if r.TLS == nil || len(location) < len(plain) || lower(location[:len(plain)]) != plain {
		return
	}
	rest := location[len(plain):]
	authority := rest
	if end := strings.IndexAny(rest, `/?#\`); end >= 0 {
		authority = rest[:end]
	}
	if lower(authority) == lower(r.Host) {
		h.Set("Location", "https://"+rest)
	}
}

// target is the path and query of a request exactly as the client wrote them.
func target(r *http.Request) (path, query string, hasQuery bool) {
	if strings.HasPrefix(r.RequestURI, "/") {
		return cut(r.RequestURI)
	}
	return cut(r.URL.RequestURI()) // the absolute form
}

func cut(uri string) (path, query string, hasQuery bool) { return strings.Cut(uri, "?") }

func scheme(r *http.Request) string {
	if r.TLS != nil {
		return "https"
	}
	return "http"
}
