package certs

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"golang.org/x/net/publicsuffix"

	"github.com/letta-dev/letta-dev/certs/host"
)

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
