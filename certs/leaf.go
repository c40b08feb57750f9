package certs

import (
	"crypto"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"time"
)

// Issue signs a new leaf with a key of its own for a TLS server known by names: 90 days, or to the authority's own end
// if that comes first. The chain is complete but for the root. The error is an [*Error] if the authority may not sign
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
		NotBefore:      a.now().Add(-backdate),
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
		return nil, &Error{Doing: "sign a leaf", Err: err}
	}
	return &tls.Certificate{Certificate: [][]byte{certificate.Raw, a.issuer.Raw}, Leaf: certificate}, nil
}

// Check tells whether the authority's name constraints allow it to sign for names.
func (a *Authority) Check(names Names) error {
	for _, name := range names {
		if !a.permits(name) {
			return &Error{
				Doing:  fmt.Sprintf("certify %q", name),
				Err:    fmt.Errorf("this authority can sign for %s only", a.scope()),
				Advice: adviceFor(name),
			}
		}
	}
	return nil
}

func adviceFor(name string) string {
	if k := kindOf(name); k == email || k == uri {
		return "letta-dev certs init --mkcert  # an authority made by mkcert may sign for anything"
	}
	return fmt.Sprintf("use a name under localhost, or bring a certificate of your own: mkcert %s, then --cert FILE --key FILE", quote(name))
}

func (a *Authority) permits(name string) bool {
	if k := kindOf(name); k == email || k == uri {
		return false // no constraint speaks of them, which permits all to clients, and that is more than this authority is for
	}
	if ip := net.ParseIP(name); ip != nil {
		return slices.ContainsFunc(a.issuer.PermittedIPRanges, func(r *net.IPNet) bool { return r.Contains(ip) })
	}
	host := strings.TrimPrefix(name, "*.")
	return slices.ContainsFunc(a.issuer.PermittedDNSDomains, func(domain string) bool {
		return host == domain || strings.HasSuffix(host, "."+domain)
	})
}

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

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}
