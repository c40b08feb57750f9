package certs

import (
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"

	"golang.org/x/net/publicsuffix"

	"github.com/letta-dev/letta-dev/certs/host"
)

// permittedRanges are the name constraints on addresses. Without them an authority that is constrained to domains could
// sign for any address: constraints bind per kind of name.
func permittedRanges() []*net.IPNet {
	return []*net.IPNet{
		{IP: net.IPv4(127, 0, 0, 0).To4(), Mask: net.CIDRMask(8, 32)},
		{IP: net.IPv6loopback, Mask: net.CIDRMask(128, 128)},
	}
}

// permitted returns the domains of the name constraints: localhost, and those the user asked for. A domain permits every
// name under it. The error is an [*host.Error] that quotes the first one that must not be permitted.
func permitted(domains []string) ([]string, error) {
	all := []string{localhost}
	for _, raw := range domains {
		domain, err := parseDomain(raw)
		if err != nil {
			return nil, err
		}
		if !slices.Contains(all, domain) {
			all = append(all, domain)
		}
	}
	return all, nil
}

// parseDomain accepts what an authority may be allowed to sign for beside localhost. A single label is refused: it is a
// top-level name, and permits a whole registry's worth of other people's sites.
func parseDomain(raw string) (string, error) {
	bad := func(reason, advice string) (string, error) {
		return "", &host.Error{Doing: fmt.Sprintf("allow the domain %q", raw), Err: errors.New(reason), Advice: advice, Usage: true}
	}
	const example = "letta-dev certs init --allow-domain dev.example.test"
	domain := canonical(raw)
	if _, err := netip.ParseAddr(raw); err == nil {
		return bad("an address is no domain, and only those of loopback can be allowed", "letta-dev certs init")
	}
	if base, wildcard := strings.CutPrefix(domain, "*."); wildcard {
		return bad("a domain permits all names under it: leave the wildcard out", "letta-dev certs init --allow-domain "+host.Quote(base))
	}
	if err := checkHost(domain); err != nil {
		return bad(err.Error(), example)
	}
	if under(domain, localhost) {
		return bad("names under localhost are permitted already", "letta-dev certs init")
	}
	if !strings.Contains(domain, ".") {
		return bad("a top-level name would permit the sites of other people", example)
	}
	return domain, nil
}

// allowable is parseDomain for an authority that is to be made. A public suffix (publicsuffix.org) is refused: like a
// top-level name it is a registry's, or that of a service whose users have sites under it. Authorities that exist are not
// measured by it, since the list grows.
func allowable(raw string) (string, error) {
	domain, err := parseDomain(raw)
	if err == nil && isPublicSuffix(domain) {
		return "", &host.Error{Doing: fmt.Sprintf("allow the domain %q", raw),
			Err:    errors.New("a public suffix would permit the sites of other people: everybody can have a name under it"),
			Advice: "letta-dev certs init --allow-domain " + host.Quote("dev."+domain), Usage: true}
	}
	return domain, err
}

func isPublicSuffix(domain string) bool {
	suffix, _ := publicsuffix.PublicSuffix(domain)
	return suffix == domain
}

// under tells whether a host is a domain or in it.
func under(host, domain string) bool { return host == domain || strings.HasSuffix(host, "."+domain) }

// AlwaysPermitted reports whether every authority of this package may sign for a name: localhost, names under it, and
// loopback addresses.
func AlwaysPermitted(name string) bool {
	if ip := net.ParseIP(name); ip != nil {
		return ip.IsLoopback()
	}
	return under(name, localhost)
}

// checkConstraints requires what makes a stolen key harmless. Which domains are permitted beside localhost is recorded in
// the certificates alone.
func checkConstraints(c *x509.Certificate) error {
	missing := errors.New("its name constraints are missing: it could sign for any site")
	sameRange := func(a, b *net.IPNet) bool { return a.String() == b.String() }
	if !c.IsCA || !c.PermittedDNSDomainsCritical || !slices.EqualFunc(c.PermittedIPRanges, permittedRanges(), sameRange) ||
		len(c.PermittedDNSDomains) == 0 || c.PermittedDNSDomains[0] != localhost {
		return missing
	}
	domains, err := permitted(c.PermittedDNSDomains[1:])
	if err != nil || !slices.Equal(domains, c.PermittedDNSDomains) {
		return errors.Join(missing, err)
	}
	return nil
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
