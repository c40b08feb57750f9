package proxy

import (
	"fmt"
	"net/http"
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
