package proxy

import (
	"net/http"
	"slices"
	"strings"

	"github.com/letta-dev/letta-dev/proxy/http1"
)

// refuse applies the policy to a request. It returns nil for one that may pass.
// The order matters: what is malformed has no name to check, and what has the
// wrong name is told nothing else.
func (p *Proxy) refuse(r *request) *answer {
	for _, rule := range [...]func(*Proxy, *request) *answer{
		wellFormed, ownName, allowedMethod, noLoop, ownOrigin, sameSite, smallEnough, inRate,
	} {
		if a := rule(p, r); a != nil {
			return a
		}
	}
	return nil
}

// wellFormed refuses what the wire leaves to those who know names and schemes.
func wellFormed(_ *Proxy, r *request) *answer {
	_, hostOK := parseHost(r.Host)
	switch {
	case r.flaw != nil:
		return malformedHead(r.flaw)
	case r.miscounts():
		return malformed(http.StatusBadRequest, "Max-Forwards is not one number")
	case r.Scheme != "" && r.Scheme != r.scheme():
		return malformed(http.StatusBadRequest, "the scheme of the request target is not the one of this connection")
	case r.Method != http.MethodConnect && !hostOK: // CONNECT is refused by its method, with the right status
		return malformed(http.StatusBadRequest, "the Host field is missing or malformed")
	}
	return nil
}

func ownName(p *Proxy, r *request) *answer {
	if host, _ := parseHost(r.Host); p.hosts.has(host) || r.Method == http.MethodConnect {
		return nil
	}
	return &answer{
		status: http.StatusNotFound, code: "host_unknown",
		message: "nothing is served under this name; letta-dev answers to letta.localhost, names below it, localhost, loopback addresses, and the hosts it was given",
		hint:    "letta-dev status  # shows the addresses; or add the name to x-letta-dev.hosts in compose.yaml, or by a flag (--help)",
	}
}

// allowed is what Allow says.
const allowed = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"

func allowedMethod(p *Proxy, r *request) *answer {
	if !slices.Contains(p.table.Refused, r.Method) {
		return nil
	}
	return &answer{
		status: http.StatusMethodNotAllowed, code: "method_not_allowed",
		message: "this method is not forwarded: TRACE would show cookies to scripts, CONNECT is for forward proxies",
		fields:  http1.Fields{{Name: "Allow", Value: allowed}},
		last:    true,
	}
}

// noLoop: RFC 9110, section 7.6.3.
func noLoop(p *Proxy, r *request) *answer {
	for via := range r.Fields.Values("Via") {
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
func ownOrigin(p *Proxy, r *request) *answer {
	if safe(r.Method) && !r.isUpgrade() {
		return nil
	}
	if _, sent, ok := p.origins.of(r); sent && !ok && !hidesOwnOrigin(r) {
		return refusedOrigin(r)
	}
	return nil
}

// hidesOwnOrigin reports whether a page of the very origin it asks sent a request, and only withholds the name: a form of a page
// with Referrer-Policy: no-referrer says Origin: null (Fetch standard, section 3.1). The browser writes Sec-Fetch-Site itself, and
// says cross-site for every origin that is null because it is opaque: of a sandbox, of a data: URL, of a redirect by way of another
// site. A WebSocket does not obey the policy: null is an opaque origin there. Where this field is same-site, another name below a
// configured host may have sent the request.
func hidesOwnOrigin(r *request) bool {
	return !r.isUpgrade() && hidden(r) && r.Fields.Count("Sec-Fetch-Site") == 1 && r.Fields.Get("Sec-Fetch-Site") == "same-origin"
}

// hidden reports whether the browser does not tell the origin of a page.
func hidden(r *request) bool {
	return r.Fields.Count("Origin") == 1 && r.Fields.Get("Origin") == "null"
}

// sameSite refuses what a foreign page can send without asking: a form, or fetch
// in no-cors mode. Browsers do not let pages set these fields. One that names an
// origin of ours may do what ownOrigin lets it.
func sameSite(p *Proxy, r *request) *answer {
	if _, _, ok := p.origins.of(r); ok {
		return nil
	}
	mode := r.Fields.Get("Sec-Fetch-Mode")
	if safe(r.Method) || r.Fields.Get("Sec-Fetch-Site") != "cross-site" || mode != "no-cors" && mode != "navigate" {
		return nil
	}
	return refusedOrigin(r)
}

func refusedOrigin(r *request) *answer {
	a := &answer{
		status: http.StatusForbidden, code: "origin_refused",
		message: "a page of this origin may not use the server",
		hint:    "if you trust the page, add its origin to x-letta-dev.cors.origins in compose.yaml, or --allow-origin",
	}
	if hidden(r) {
		a.message = "the browser does not say which page sent this (Origin: null), so the page may not use the server"
		a.hint = "take the page out of its sandbox, or serve it instead of opening a file; one with Referrer-Policy: no-referrer needs strict-origin"
	}
	return a
}

// safe: RFC 9110, section 9.2.1.
func safe(method string) bool {
	return method == http.MethodGet || method == http.MethodHead || method == http.MethodOptions
}

// malformed ends the connection: where this request ends is in doubt.
func malformed(status int, message string) *answer {
	return &answer{status: status, code: "bad_request", message: message, last: true}
}

// malformedHead refuses what is no request, or none of a size that is taken. Cookies are the usual cause of that: a browser sends those
// of localhost to the servers on all its ports (RFC 6265, section 8.5).
func malformedHead(e *http1.Error) *answer {
	a := malformed(e.Status, e.Reason)
	switch e.Status {
	case http.StatusRequestHeaderFieldsTooLarge:
		a.code = "head_too_large"
		a.hint = "delete the cookies of localhost in the browser: the servers on all its ports share them"
	case http.StatusRequestURITooLong:
		a.code = "url_too_long"
		a.hint = "send what is that long in the body of a POST"
	}
	return a
}
