package proxy

import (
	"net/http"
	"strconv"

	"github.com/letta-dev/letta-dev/proxy/http1"
)

// isForUs reports whether an OPTIONS is about the proxy, not about what it serves:
// because it names the server as a whole, or may go no further (RFC 9110, section
// 7.6.2).
func (r *request) isForUs() bool {
	return r.Method == http.MethodOptions && (r.Path == "*" || r.Fields.Get("Max-Forwards") == "0")
}

// fewerForwards is what is left of Max-Forwards for the next one. Other methods than
// OPTIONS, and what is no number, are not ours to count.
func (r *request) fewerForwards(value string) string {
	n, err := strconv.ParseUint(value, 10, 63)
	if r.Method != http.MethodOptions || err != nil || n == 0 {
		return value
	}
	return strconv.FormatUint(n-1, 10)
}

// trailing returns the fields of a trailer that may go on. What decides about a
// request stands in its head, where it was checked; a server that adds its trailer to
// the head must not find another one there (RFC 9110, section 6.5.1).
func trailing(fields http1.Fields) http1.Fields {
	var kept http1.Fields
	for _, f := range fields {
		if !hopByHop(f.Name) && !isForwarding(f.Name) && !isFraming(f.Name) && !decides(f.Name) {
			kept = append(kept, f)
		}
	}
	return kept
}

// isFraming reports whether a field is, to WSGI and CGI servers, one about the
// framing, which the writer makes anew.
func isFraming(name string) bool {
	return isName(name, "content_length") || isName(name, "transfer_encoding")
}

// decides reports whether a field is about routing, authentication or the framing.
func decides(name string) bool {
	switch lower(name) {
	case "host", "content-length", "trailer", "via", "expect", "max-forwards", "authorization", "cookie", "set-cookie", "origin", "location":
		return true
	}
	return false
}
