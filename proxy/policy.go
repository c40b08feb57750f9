package proxy

import (
	"net/http"
	"strings"
)

// maxFields bounds the header lines of a request; http.Server bounds their bytes.
const maxFields = 256

// refuse applies the policy to a request. It returns nil for one that may pass.
// The order matters: what is malformed has no name to check, and what has the
// wrong name is told nothing else.
func (p *Proxy) refuse(r *http.Request) *answer {
	for _, rule := range []func(*http.Request) *answer{
		wellFormed, p.ownName, allowedMethod, p.noLoop, p.ownOrigin, sameSite,
	} {
		if a := rule(r); a != nil {
			return a
		}
	}
	return nil
}

// wellFormed refuses what net/http lets through though RFC 9112 and 9110 do not.
func wellFormed(r *http.Request) *answer {
	_, hostOK := parseHost(r.Host)
	switch {
	case r.Proto != "HTTP/1.0" && r.Proto != "HTTP/1.1" && r.Proto != "HTTP/2.0":
		return malformed(http.StatusHTTPVersionNotSupported, "this HTTP version is not supported")
	case r.Method == "PRI": // the HTTP/2 preface on a connection that agreed on HTTP/1.1
		return malformed(http.StatusBadRequest, "HTTP/2 needs TLS here")
	case fields(r.Header) > maxFields:
		return malformed(http.StatusRequestHeaderFieldsTooLarge, "the request has too many header fields")
	case !validTarget(r):
		return malformed(http.StatusBadRequest, "the request target is malformed")
	case !hostOK:
		return malformed(http.StatusBadRequest, "the Host field is missing or malformed")
	}
	return nil
}

func fields(h http.Header) int {
	n := 0
	for _, values := range h {
		n += len(values)
	}
	return n
}

// validTarget accepts the origin form, the absolute form with the scheme of the
// connection, "*" for OPTIONS (RFC 9112, section 3.2), and what CONNECT sends.
func validTarget(r *http.Request) bool {
	for _, c := range []byte(r.RequestURI) {
		if c <= ' ' || c >= 0x7f || c == '#' {
			return false
		}
	}
	switch {
	case r.Method == http.MethodConnect: // refused by its method, with the right status
		return true
	case r.RequestURI == "*":
		return r.Method == http.MethodOptions
	case strings.HasPrefix(r.RequestURI, "/"):
		return true
	}
	return r.URL.Scheme == scheme(r) && r.URL.Host != "" && r.URL.User == nil
}

func (p *Proxy) ownName(r *http.Request) *answer {
	if host, _ := parseHost(r.Host); p.hosts.has(host) {
		return nil
	}
	return &answer{
		status: http.StatusNotFound, code: "host_unknown",
		message: "nothing is served under this name; letta-dev answers to letta.localhost, names below it, localhost and loopback addresses",
		hint:    "open https://letta.localhost, or add the name to x-letta-dev.hosts in compose.yaml",
	}
}

func allowedMethod(r *http.Request) *answer {
	if r.Method != http.MethodTrace && r.Method != http.MethodConnect {
		return nil
	}
	return &answer{
		status: http.StatusMethodNotAllowed, code: "method_not_allowed",
		message: "this method is not forwarded: TRACE would show cookies to scripts, CONNECT is for forward proxies",
		header:  map[string]string{"Allow": "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS", "Connection": "close"},
	}
}

// noLoop: RFC 9110, section 7.6.3.
func (p *Proxy) noLoop(r *http.Request) *answer {
	for _, via := range r.Header["Via"] {
		if strings.Contains(via, p.name) {
			return &answer{
				status: http.StatusLoopDetected, code: "loop",
				message: "the request came back to this proxy: its upstream is the proxy itself",
				hint:    "letta-dev status",
			}
		}
	}
	return nil
}

// ownOrigin keeps foreign pages from changing things and from opening WebSockets,
// which no CORS rule covers.
func (p *Proxy) ownOrigin(r *http.Request) *answer {
	if safe(r.Method) && !isUpgrade(r) {
		return nil
	}
	if _, sent, ok := p.origins.of(r); sent && !ok {
		return refusedOrigin()
	}
	return nil
}

// sameSite refuses what a foreign page can send without asking: a form, or fetch
// in no-cors mode. Browsers do not let pages set these fields.
func sameSite(r *http.Request) *answer {
	mode := r.Header.Get("Sec-Fetch-Mode")
	if safe(r.Method) || r.Header.Get("Sec-Fetch-Site") != "cross-site" || mode != "no-cors" && mode != "navigate" {
		return nil
	}
	return refusedOrigin()
}

func refusedOrigin() *answer {
	return &answer{
		status: http.StatusForbidden, code: "origin_refused",
		message: "a page of this origin may not use the server",
		hint:    "add the origin to x-letta-dev.cors.origins in compose.yaml if you trust the page",
	}
}

// safe: RFC 9110, section 9.2.1.
func safe(method string) bool {
	return method == http.MethodGet || method == http.MethodHead || method == http.MethodOptions
}

// malformed closes the connection: where this request ends is in doubt.
func malformed(status int, message string) *answer {
	return &answer{
		status: status, code: "bad_request", message: message,
		header: map[string]string{"Connection": "close"},
	}
}

// isUpgrade reports whether a request asks for a WebSocket. HTTP/1.0 cannot
// (RFC 9110, section 7.8), and HTTP/2 has no such field.
func isUpgrade(r *http.Request) bool {
	return r.ProtoMajor == 1 && r.ProtoMinor >= 1 &&
		hasToken(r.Header["Connection"], "upgrade") && hasToken(r.Header["Upgrade"], "websocket")
}

// hasToken looks for a token in a comma-separated field, letter case aside.
func hasToken(values []string, token string) bool {
	for _, value := range values {
		for part := range strings.SplitSeq(value, ",") {
			if lower(strings.Trim(part, " \t")) == token {
				return true
			}
		}
	}
	return false
}
