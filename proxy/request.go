package proxy

import (
	"net"
	"strings"

	"github.com/letta-dev/letta-dev/proxy/http1"
)

// A request is what a client asks, in whatever version of HTTP it came.
type request struct {
	http1.Request
	major    int    // of the version; Minor is the rest
	secure   bool   // it came through TLS
	client   string // address of the client
	from     string // the same without the port
	local    string // address it came in on
	listener *Listener
	flaw     *http1.Error // came to light after the head was read; nil: none
}

// withoutPort is an address without its port, if it has one.
func withoutPort(address string) string {
	if host, _, err := net.SplitHostPort(address); err == nil {
		return host
	}
	return address
}

// protocol is "HTTP/1.1", "HTTP/1.0" or "HTTP/2.0".
func (r *request) protocol() string {
	switch {
	case r.major == 2:
		return "HTTP/2.0"
	case r.Minor == 0:
		return "HTTP/1.0"
	}
	return "HTTP/1.1"
}

// version is the protocol as Via has it.
func (r *request) version() string { return strings.TrimPrefix(r.protocol(), "HTTP/") }

func (r *request) scheme() string {
	if r.secure {
		return "https"
	}
	return "http"
}

// hasBody reports whether something of the request is to be read behind its head.
func (r *request) hasBody() bool {
	return r.Framing.Kind == http1.Chunked || r.Framing.Length > 0
}

// repeatable reports whether sending the request twice is as good as once (RFC
// 9110, section 9.2.2), and possible: its body is gone once it was sent.
func (r *request) repeatable() bool {
	switch r.Method {
	case "GET", "HEAD", "OPTIONS", "PUT", "DELETE":
		return !r.hasBody()
	}
	return false
}

// isUpgrade reports whether a request asks for a WebSocket. HTTP/1.0 cannot
// (RFC 9110, section 7.8), and HTTP/2 has no such field.
func (r *request) isUpgrade() bool {
	return r.major == 1 && r.Minor == 1 && r.Fields.HasToken("Connection", "upgrade") && r.Fields.HasToken("Upgrade", "websocket")
}

// wantsPage reports whether a person looks at the answer: at that to a link, and at that to a form. fetch() may ask
// for HTML too, but says that it is not navigating.
func (r *request) wantsPage() bool {
	if mode := r.Fields.Get("Sec-Fetch-Mode"); r.isUpgrade() || mode != "" && mode != "navigate" {
		return false
	}
	html := r.accepts("text/html")
	return html > 0 && html >= r.accepts("application/json")
}

// accepts is the weight of a media type that a client names, 0 for one that it does not (RFC 9110, section 12.5.1).
func (r *request) accepts(mediaType string) (q float64) {
	for accepted := range r.Fields.Tokens("Accept") {
		name, parameters, _ := strings.Cut(accepted, ";")
		if lower(strings.TrimSpace(name)) != mediaType {
			continue
		}
		wanted := 1.0
		for parameter := range strings.SplitSeq(parameters, ";") {
			if parameter = strings.TrimSpace(parameter); strings.HasPrefix(lower(parameter), "q=") {
				wanted = weight(parameter)
			}
		}
		q = max(q, wanted)
	}
	return q
}

func (r *request) isPreflight() bool {
	return r.Method == "OPTIONS" && r.Fields.Get("Origin") != "" && r.Fields.Get("Access-Control-Request-Method") != ""
}
