package proxy

import "github.com/letta-dev/letta-dev/proxy/http1"

// hopByHop reports whether a field ends at this connection even where Connection
// does not name it (RFC 9110, section 7.6.1). Upgrade and Connection are written
// anew where an upgrade is carried.
func hopByHop(name string) bool {
	var known [knownName]byte
	if len(name) > knownName {
		return false
	}
	switch string(appendLower(known[:0], name)) {
	case "connection", "proxy-connection", "keep-alive", "te", "transfer-encoding", "upgrade",
		"http2-settings", "proxy-authenticate", "proxy-authorization":
		return true
	}
	return false
}

// passing yields the fields that go on to the other side: not those that end here.
func passing(to, from http1.Fields) http1.Fields {
	var named map[string]bool // nil in most messages
	if from.Count("Connection") > 1 || !plainConnection(from.Get("Connection")) {
		named = map[string]bool{}
		for name := range from.Tokens("Connection") {
			named[lower(name)] = true
		}
	}
	for _, f := range from {
		if hopByHop(f.Name) || named != nil && named[lower(f.Name)] {
			continue
		}
		to = append(to, f)
	}
	return to
}

// plainConnection spares the usual values a search.
func plainConnection(value string) bool {
	return value == "" || value == "keep-alive" || value == "close"
}
