package certs

import (
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
	if err := errors.Join(a.Check(names), a.inForce()); err != nil {
		return nil, err
	}
	now := a.now()
	certificate, key, err := sign(&x509.Certificate{
		Subject:     pkix.Name{Organization: []string{leafOrganisation}},
		DNSNames:    names.DNS(),
		IPAddresses: names.IPs(),
		NotBefore:   now.Add(-backdate),
		NotAfter:    earlier(now.Add(leafLife), a.NotAfter()),
		KeyUsage:    x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}, a.issuer, a.key)
	if err != nil {
		return nil, &Error{Doing: "sign a leaf for " + names.String(), Err: err}
	}
	return &tls.Certificate{
		Certificate: [][]byte{certificate.Raw, a.issuer.Raw},
		PrivateKey:  key,
		Leaf:        certificate,
	}, nil
}

// Check tells whether the authority's name constraints allow it to sign for names.
func (a *Authority) Check(names Names) error {
	for _, name := range names {
		if !a.permits(name) {
			return &Error{
				Doing:  fmt.Sprintf("certify %q", name),
				Err:    fmt.Errorf("this authority can sign for %s only", a.scope()),
				Advice: fmt.Sprintf("use a name under localhost, or bring a certificate of your own: mkcert %s, then --cert FILE --key FILE", quote(name)),
			}
		}
	}
	return nil
}

func (a *Authority) permits(name string) bool {
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
