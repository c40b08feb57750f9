package truststore

import (
	"errors"

	"github.com/letta-dev/letta-dev/certs/host"
)

// A layout is how a family of Linux distributions keeps its trusted roots: local ones as files in a folder of anchors,
// from which a command makes the bundle that clients read.
type layout struct {
	anchors   string   // folder; its existence tells the family
	extension string   // of the files in it
	update    []string // command that makes the bundle
	refresh   []string // the same after a removal
	bundles   []string // where clients look, first existing
	installer string   // command that installs packages, as root
	nssTools  string   // package with certutil
}

// layouts are tried in mkcert's order. Debian's update-ca-certificates leaves dangling links behind a removed anchor
// unless it starts afresh.
func layouts() []layout {
	return []layout{{
		anchors: "/etc/pki/ca-trust/source/anchors", extension: ".pem", // Red Hat, Fedora
		update:    []string{"update-ca-trust", "extract"},
		refresh:   []string{"update-ca-trust", "extract"},
		bundles:   []string{"/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem", "/etc/pki/tls/certs/ca-bundle.crt"},
		installer: "dnf install", nssTools: "nss-tools",
	}, {
		anchors: "/usr/local/share/ca-certificates", extension: ".crt", // Debian, Ubuntu
		update:    []string{"update-ca-certificates"},
		refresh:   []string{"update-ca-certificates", "--fresh"},
		bundles:   []string{"/etc/ssl/certs/ca-certificates.crt"},
		installer: "apt install", nssTools: "libnss3-tools",
	}, {
		anchors: "/etc/ca-certificates/trust-source/anchors", extension: ".crt", // Arch
		update:    []string{"trust", "extract-compat"},
		refresh:   []string{"trust", "extract-compat"},
		bundles:   []string{"/etc/ca-certificates/extracted/tls-ca-bundle.pem", "/etc/ssl/certs/ca-certificates.crt"},
		installer: "pacman -S", nssTools: "nss",
	}, {
		anchors: "/usr/share/pki/trust/anchors", extension: ".pem", // SUSE
		update:    []string{"update-ca-certificates"},
		refresh:   []string{"update-ca-certificates"},
		bundles:   []string{"/etc/ssl/ca-bundle.pem", "/var/lib/ca-certificates/ca-bundle.pem"},
		installer: "zypper install", nssTools: "mozilla-nss-tools",
	}}
}

func findLayout(e host.Env) (layout, bool) {
	for _, l := range layouts() {
		if host.Exists(e.InRoot(l.anchors)) {
			return l, true
		}
	}
	return layout{}, false
}

// SystemBundle returns the file in which the system keeps all roots it trusts. Windows has none.
func SystemBundle(e host.Env) (string, error) {
	paths := []string{
		"/etc/ssl/cert.pem",                      // macOS, the BSDs, Alpine
		"/usr/local/share/certs/ca-root-nss.crt", // FreeBSD
		"/etc/ssl/certs/ca-certificates.crt",     // NixOS, Gentoo
		"/etc/pki/tls/certs/ca-bundle.crt",
	}
	if l, ok := findLayout(e); ok {
		paths = append(l.bundles, paths...)
	}
	for _, path := range paths {
		if path = e.InRoot(path); host.Exists(path) {
			return path, nil
		}
	}
	return "", errors.New("this system keeps no file of the roots it trusts")
}
