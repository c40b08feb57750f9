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
	case r.Method != http.MethodConnect && r.Host == "": // CONNECT is refused by its method, with the right status
		return malformed(http.StatusBadRequest, "the Host field is missing or empty")
	case r.Method != http.MethodConnect && !hostOK:
		return malformed(http.StatusBadRequest, "the Host field is no name or address, with or without a port")
	}
	return nil
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
