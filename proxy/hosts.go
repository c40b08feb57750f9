package proxy

import (
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// hostSet is the set of names we serve, in the form parseHost gives them.
type hostSet struct {
	exact  map[string]bool
	parent map[string]bool // names that any labels may precede
	within []netip.Prefix
}

// ownNames are the built-in ones.
func ownNames() []string {
	return []string{"letta.localhost", "*.letta.localhost", "localhost", "127.0.0.0/8", "::1"}
}

// newHostSet returns the set of some names. It fails with a *ConfigError for
// anything that cannot be one; a network is one only where it is built in.
func newHostSet(names []string) (hostSet, error) {
	s := hostSet{exact: map[string]bool{}, parent: map[string]bool{}}
	for _, name := range names {
		if network, err := netip.ParsePrefix(name); err == nil && slices.Contains(ownNames(), name) {
			s.within = append(s.within, network)
			continue
		}
		bare, wild := strings.CutPrefix(name, "*.")
		host, ok := parseHost(bracketed(bare))
		if !ok || strings.Contains(bare, ":") && !isAddr(bare) {
			return hostSet{}, &ConfigError{
				Problem: fmt.Sprintf("%q is not a host name", name),
				Advice:  "write a name without scheme and port, such as letta.test (international names in their xn-- form)",
			}
		}
		if wild {
			s.parent[host] = true
		} else {
			s.exact[host] = true
		}
	}
	return s, nil
}

// has reports whether a host, as parseHost returned it, is ours. A wildcard covers
// all names below its own, and never an address. That of a certificate stands for one
// label (RFC 9525, section 6.3): for the others there are certificates by name.
func (s hostSet) has(host string) bool {
	if s.exact[host] {
		return true
	}
	if addr, err := netip.ParseAddr(host); err == nil {
		return slices.ContainsFunc(s.within, func(n netip.Prefix) bool { return n.Contains(addr.Unmap()) })
	}
	for _, parent, ok := strings.Cut(host, "."); ok; _, parent, ok = strings.Cut(parent, ".") {
		if s.parent[parent] {
			return true
		}
	}
	return false
}

// parseHost takes the host out of an authority: lower case, without port,
// brackets or a final dot. It reports false for what RFC 9110, section 4.2, and
// RFC 3986, section 3.2, do not allow, user information included.
func parseHost(authority string) (host string, ok bool) {
	host, port, ok := splitPort(authority)
	if !ok || !validPort(port) {
		return "", false
	}
	if inner, v6 := strings.CutPrefix(host, "["); v6 {
		addr, err := netip.ParseAddr(strings.TrimSuffix(inner, "]"))
		return addr.String(), err == nil && addr.Is6() && addr.Zone() == ""
	}
	host = strings.TrimSuffix(lower(host), ".")
	return host, validName(host)
}

// splitPort cuts an authority in two; the brackets of an IPv6 address stay.
func splitPort(authority string) (host, port string, ok bool) {
	if strings.HasPrefix(authority, "[") {
		end := strings.IndexByte(authority, ']')
		if end < 0 {
			return "", "", false
		}
		rest := authority[end+1:]
		port, colon := strings.CutPrefix(rest, ":")
		return authority[:end+1], port, colon || rest == ""
	}
	host, port, _ = strings.Cut(authority, ":")
	return host, port, true
}

// validPort allows the empty port: RFC 3986, section 3.2.3, does.
func validPort(port string) bool {
	if port == "" {
		return true
	}
	n, err := strconv.ParseUint(port, 10, 16)
	return err == nil && n > 0 && port[0] != '+'
}

// validName allows the names of hosts as resolvers do: letters, digits, inner
// hyphens, and the underscore that compose projects put in names.
func validName(name string) bool {
	if len(name) > 253 {
		return false
	}
	for label := range strings.SplitSeq(name, ".") {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' {
			return false
		}
		for _, c := range []byte(label) {
			if c != '-' && c != '_' && (c < '0' || c > '9') && (c < 'a' || c > 'z') {
				return false
			}
		}
	}
	return true
}

// lower folds ASCII only: strings.ToLower turns the Kelvin sign into a k, and
// with it a foreign name into one of ours.
func lower(s string) string {
	for i := range len(s) {
		if 'A' <= s[i] && s[i] <= 'Z' {
			return string(appendLower(nil, s))
		}
	}
	return s
}

func appendLower(to []byte, s string) []byte {
	for i := range len(s) {
		c := s[i]
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		to = append(to, c)
	}
	return to
}

func isAddr(s string) bool {
	_, err := netip.ParseAddr(s)
	return err == nil
}

// bracketed gives an IPv6 address the form it has in an authority.
func bracketed(s string) string {
	if addr, err := netip.ParseAddr(s); err == nil && addr.Is6() {
		return "[" + s + "]"
	}
	return s
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
