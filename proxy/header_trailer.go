package proxy

import (
	"strings"

	"github.com/letta-dev/letta-dev/proxy/http1"
	"github.com/letta-dev/letta-dev/proxy/policy"
)

// trailing returns the fields of a trailer that may go on. What decides about a message stands in its head, where it was
// checked, and so does what the policy sets or removes: who adds a trailer to the head must not find another one there (RFC
// 9110, section 6.5.1).
func trailing(fields http1.Fields, edited []policy.Header) http1.Fields {
	var kept http1.Fields
	for _, f := range fields {
		if !edits(edited, f.Name) && !hopByHop(f.Name) && !isForwarding(f.Name) && !isFraming(f.Name) && !decides(f.Name) {
			kept = append(kept, f)
		}
	}
	return kept
}

// isFraming reports whether a field is, to WSGI and CGI servers, one about the
// framing, which the writer makes anew.
func isFraming(name string) bool {
	return sameName(name, "content-length") || sameName(name, "transfer-encoding")
}

// decides reports whether a field is of those that count before the body is read: about framing, routing, authentication, and
// what the body is or may be used for. Letta knows its users by two names of its own.
func decides(name string) bool {
	name = policy.Spelling(name)
	switch name {
	case "host", "content-length", "trailer", "via", "max-forwards", "expect", "location", "origin", "referer",
		"authorization", "www-authenticate", "cookie", "set-cookie", "x-bare-password", "user-id",
		"content-encoding", "content-type", "content-range", "content-disposition", "range", "accept-ranges",
		"age", "cache-control", "date", "expires", "pragma", "retry-after", "vary", "clear-site-data", "refresh",
		"content-security-policy", "strict-transport-security", "x-frame-options", "x-content-type-options":
		return true
	}
	return strings.HasPrefix(name, "if-") || strings.HasPrefix(name, "sec-") || strings.HasPrefix(name, "access-control-")
}
