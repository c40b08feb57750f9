package proxy

import (
	"strings"

	"github.com/letta-dev/letta-dev/proxy/policy"
)

// removedFields are the fields that isForwarding knows, for people. A star stands for whatever follows. A policy may set them: what
// is taken away is what a client says.
func removedFields() []string {
	return []string{
		"X-Forwarded*", "Forwarded", "Forwarded-For", "X-Forward-For", "X-Forwarder-For", "X-Original-URL", "X-Original-*",
		"X-Real-IP", "X-Client-IP", "Client-IP", "True-Client-IP", "X-Cluster-Client-IP", "X-Originating-IP", "X-ProxyUser-IP", "Proxy-Client-IP", "Fastly-Client-IP",
		"Remote-Addr", "X-Remote-User", "X-Remote-*", "Remote-User", "Remote-User-*", "X-WebAuth-*", "Tailscale-User-*",
		"X-SSL-*", "SSL-Client-*", "X-Client-Cert", "X-Client-DN", "X-Client-Verify", "X-ARR-ClientCert", "MS-ASPNETCORE-ClientCert",
		"X-Host", "X-HTTP-Host-Override", "X-Scheme", "X-URL-Scheme", "X-ARR-SSL", "Front-End-Https", "Fastly-SSL",
		"X-Rewrite-URL", "X-Script-Name", "Script-Name", "Path-Info", "X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override",
		"X-Sendfile-Type", "X-Accel-Mapping", "Proxy",
		"X-Envoy-*", "WL-Proxy-*", "CF-Connecting-*", "CF-Visitor", "Fly-Client-*", "Fly-Forwarded-*", "X-Azure-*", "X-Appengine-*",
	}
}

// isForwarding reports whether a server may take a field for the word of its proxy: about where a request comes from, who
// sent it, or what it asks for. Every spelling counts that WSGI and CGI servers read alike (see policy.PlainByte).
func isForwarding(field string) bool {
	if field == "" || strings.IndexByte("cfmprstwx", field[0]|' ') < 0 { // with which all of them begin
		return false
	}
	var buf [knownName]byte
	known := appendLower(buf[:0], field[:min(len(field), knownName)])
	dashes, family := 0, len(known) // a family is named by two words
	for i, c := range known {
		if known[i] = policy.PlainByte(c); known[i] != '-' {
			continue
		}
		if dashes++; dashes == 2 {
			family = i
		}
	}
	return forwardingFamily(known[:family]) || len(field) <= knownName && forwardingName(known)
}

func forwardingFamily(name []byte) bool {
	switch string(name) {
	case "x-original", // -URL to IIS and Symfony, -For, -Proto and -Host to ASP.NET, -Method to nginx's ingress
		"x-remote",            // -User and -Group to Kubernetes, -Addr and -IP
		"x-ssl", "ssl-client", // what HAProxy and nginx tell of a certificate
		"x-webauth", "remote-user", // Grafana, Authelia; CGI's REMOTE_USER
		"tailscale-user", "x-envoy", "wl-proxy",
		"cf-connecting", "fly-client", "fly-forwarded", "x-azure", "x-appengine":
		return true
	}
	return strings.HasPrefix(string(name), "x-forwarded")
}

func forwardingName(name []byte) bool {
	switch string(name) {
	// The address of the client: to Rails, Django's middlewares, express, PHP, Java.
	case "forwarded", "forwarded-for", "x-forward-for", "x-forwarder-for", "x-real-ip", "x-client-ip", "client-ip", "true-client-ip",
		"x-cluster-client-ip", "x-originating-ip", "x-proxyuser-ip", "proxy-client-ip", "fastly-client-ip", "remote-addr",
		// Its certificate.
		"x-client-cert", "x-client-dn", "x-client-verify", "x-arr-clientcert", "ms-aspnetcore-clientcert",
		// Where the server is found, and below which path: to Rack, gunicorn, Spring.
		"x-host", "x-http-host-override", "x-scheme", "x-url-scheme", "x-arr-ssl", "front-end-https", "fastly-ssl", "cf-visitor",
		"x-rewrite-url", "x-script-name", "script-name", "path-info",
		// Which files a proxy sends in the server's place: Rack::Sendfile (CVE-2025-61780).
		"x-sendfile-type", "x-accel-mapping",
		// Another method than the one that was checked: a form of a foreign page may be a GET here and a DELETE to Rack.
		"x-http-method-override", "x-http-method", "x-method-override",
		// The httpoxy hole (CVE-2016-5385).
		"proxy":
		return true
	}
	return false
}
