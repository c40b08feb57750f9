package proxy

import (
	"fmt"
	"strings"
)

// origins decides which web pages may change things (RFC 6454).
type origins struct {
	hosts   hostSet
	foreign map[string]bool // normalised by normalOrigin
}

// newOrigins fails with a *ConfigError for an origin that is not
// scheme://host[:port]. "*" and "null" are none: they name everybody.
func newOrigins(hosts hostSet, configured []string) (origins, error) {
	o := origins{hosts: hosts, foreign: map[string]bool{}}
	for _, origin := range configured {
		normal, _, ok := normalOrigin(strings.TrimSuffix(origin, "/"))
		if !ok {
			return origins{}, &ConfigError{
				Problem: fmt.Sprintf("%q is not an origin", origin),
				Advice:  "write scheme and host, such as https://app.letta.com",
			}
		}
		o.foreign[normal] = true
	}
	return o, nil
}

// CheckOrigins fails with a *ConfigError for a list that Config.Origins cannot be.
func CheckOrigins(configured []string) error {
	_, err := newOrigins(hostSet{}, configured)
	return err
}

// of returns the Origin of a request. sent is false where there is none; ok is
// true for one that is allowed. Two fields are never allowed: the upstream could
// read the other one.
func (o origins) of(r *request) (origin string, sent, ok bool) {
	if n := r.Fields.Count("Origin"); n != 1 {
		return "", n > 0, false
	}
	origin = r.Fields.Get("Origin")
	return origin, true, o.allows(origin)
}

// allows reports whether an origin is one of our names, on any port, or a
// configured foreign one.
func (o origins) allows(origin string) bool {
	normal, host, ok := normalOrigin(origin)
	if !ok {
		return false
	}
	web := strings.HasPrefix(normal, "http://") || strings.HasPrefix(normal, "https://")
	return web && o.hosts.has(host) || o.foreign[normal]
}

// normalOrigin gives equal origins one form: lower case, no final dot, no default
// port. Schemes other than http and https are those of desktop shells
// (tauri://localhost, vscode-webview://id).
func normalOrigin(origin string) (normal, host string, ok bool) {
	scheme, authority, ok := strings.Cut(lower(origin), "://")
	if !ok || !validScheme(scheme) {
		return "", "", false
	}
	if host, ok = parseHost(authority); !ok {
		return "", "", false
	}
	_, port, _ := splitPort(authority)
	normal = scheme + "://" + bracketed(host)
	if port != "" && port != defaultPort(scheme) {
		normal += ":" + port
	}
	return normal, host, true
}

// validScheme: RFC 3986, section 3.1.
func validScheme(s string) bool {
	for i, c := range []byte(s) {
		letter := c >= 'a' && c <= 'z'
		if !letter && (i == 0 || !strings.ContainsRune("0123456789+-.", rune(c))) {
			return false
		}
	}
	return s != ""
}

func defaultPort(scheme string) string {
	switch scheme {
	case "http":
		return "80"
	case "https":
		return "443"
	}
	return ""
}
