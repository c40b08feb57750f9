package certs

import (
	"crypto"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/letta-dev/letta-dev/certs/host"
)

// Issue signs a new leaf with a key of its own for a TLS server known by names: 90 days, or to the authority's own end
// if that comes first. The chain is complete but for the root. The error is an [*host.Error] if the authority may not sign
// for one of the names or is not in force.
func (a *Authority) Issue(names Names) (*tls.Certificate, error) {
	template, err := a.leafTemplate(names, a.now().Add(leafLife))
	if err != nil {
		return nil, err
	}
	return a.issue(template)
}

// leafTemplate is a leaf to be signed, for names and until a time, or until the authority's own end if that comes first.
func (a *Authority) leafTemplate(names Names, until time.Time) (*x509.Certificate, error) {
	if err := errors.Join(a.Check(names), a.inForce()); err != nil {
		return nil, err
	}
	return &x509.Certificate{
		Subject:        pkix.Name{Organization: []string{leafOrganisation}},
		DNSNames:       names.DNS(),
		IPAddresses:    names.IPs(),
		EmailAddresses: names.of(email),
		URIs:           names.uris(),
		NotBefore:      later(a.now().Add(-backdate), a.notBefore()),
		NotAfter:       earlier(until, a.NotAfter()),
		KeyUsage:       x509.KeyUsageDigitalSignature,
		ExtKeyUsage:    names.usages(),
	}, nil
}

// issue makes a key and signs a leaf for it.
func (a *Authority) issue(template *x509.Certificate) (*tls.Certificate, error) {
	key, err := newKey()
	if err != nil {
		return nil, err
	}
	leaf, err := a.issueFor(key.Public(), template)
	if err != nil {
		return nil, err
	}
	leaf.PrivateKey = key
	return leaf, nil
}

// issueFor signs a leaf for somebody's key. It is the one place where leaves are signed.
func (a *Authority) issueFor(public crypto.PublicKey, template *x509.Certificate) (*tls.Certificate, error) {
	certificate, err := signFor(public, template, a.issuer, a.key)
	if err != nil {
		return nil, &host.Error{Doing: "sign a leaf", Err: err}
	}
	return &tls.Certificate{Certificate: a.chain(certificate), Leaf: certificate}, nil
}

// chain is what a server sends: all but the root.
func (a *Authority) chain(leaf *x509.Certificate) [][]byte {
	if a.issuer == a.root {
		return [][]byte{leaf.Raw}
	}
	return [][]byte{leaf.Raw, a.issuer.Raw}
}

// Check tells whether the authority's name constraints allow it to sign for names.
func (a *Authority) Check(names Names) error {
	refused := slices.DeleteFunc(slices.Clone(names), a.permits)
	if len(refused) == 0 {
		return nil
	}
	return a.refusal(names, refused)
}

func (a *Authority) permits(name string) bool {
	if k := kindOf(name); k == email || k == uri {
		return a.Mkcert() // no constraint speaks of them, which permits all to clients, and that is more than ours is for
	}
	if ip := net.ParseIP(name); ip != nil {
		return a.unbound(len(a.issuer.PermittedIPRanges)) ||
			slices.ContainsFunc(a.issuer.PermittedIPRanges, func(r *net.IPNet) bool { return r.Contains(ip) })
	}
	host := strings.TrimPrefix(name, "*.")
	return a.unbound(len(a.issuer.PermittedDNSDomains)) ||
		slices.ContainsFunc(a.issuer.PermittedDNSDomains, func(domain string) bool { return under(host, strings.TrimPrefix(domain, ".")) })
}

// unbound tells whether names of a kind are free, that has so many constraints: mkcert sets none, and those that a person
// put into mkcert's place hold.
func (a *Authority) unbound(constraints int) bool { return a.Mkcert() && constraints == 0 }

// scope describes the constraints.
func (a *Authority) scope() string {
	var parts []string
	for _, domain := range a.issuer.PermittedDNSDomains {
		parts = append(parts, domain+" and names under it")
	}
	for _, r := range a.issuer.PermittedIPRanges {
		parts = append(parts, r.String())
	}
	return strings.Join(parts, ", ")
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}
