package certs

import (
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/mail"
	"net/url"
	"slices"
	"strings"

	"github.com/letta-dev/letta-dev/certs/host"
)

// kind is what a name is. Some characters tell: only a URI has "://", and beside it only an e-mail address has "@".
type kind int

const (
	hostName kind = iota
	address
	email
	uri
)

func kindOf(name string) kind {
	switch {
	case net.ParseIP(name) != nil:
		return address
	case strings.Contains(name, "://"):
		return uri
	case strings.Contains(name, "@"):
		return email
	}
	return hostName
}

func (n Names) of(k kind) []string {
	var found []string
	for _, name := range n {
		if kindOf(name) == k {
			found = append(found, name)
		}
	}
	return found
}

func (n Names) uris() []*url.URL {
	var uris []*url.URL
	for _, name := range n.of(uri) {
		if u, err := url.Parse(name); err == nil {
			uris = append(uris, u)
		}
	}
	return uris
}

// usages returns what a leaf for the names is for, as mkcert has it.
func (n Names) usages() []x509.ExtKeyUsage {
	var usages []x509.ExtKeyUsage
	if len(n.of(email)) < len(n) {
		usages = append(usages, x509.ExtKeyUsageServerAuth)
	}
	if len(n.of(email)) > 0 {
		usages = append(usages, x509.ExtKeyUsageEmailProtection)
	}
	return usages
}

// subjects returns the names that a certificate or a request for one carries, in mkcert's order.
func subjects(dns, emails []string, ips []net.IP, uris []*url.URL) Names {
	names := slices.Concat(dns, emails, addresses(ips))
	for _, u := range uris {
		names = append(names, u.String())
	}
	return names
}

// parseSubjects accepts the names that mkcert does: beside what [ParseNames] takes also e-mail addresses and URIs.
func parseSubjects(raw []string) (Names, error) {
	var names Names
	for _, given := range raw {
		name, err := parseSubject(given)
		if err != nil {
			return nil, err
		}
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		return nil, errors.New("a certificate needs at least one name")
	}
	return names, nil
}

func parseSubject(raw string) (string, error) {
	var err error
	name := raw
	switch kindOf(raw) {
	case uri:
		name, err = parseURI(raw)
	case email:
		err = checkEmail(raw)
	default:
		return parseName(raw)
	}
	if err != nil {
		return "", &host.Error{Doing: fmt.Sprintf("name %q", raw), Err: err, Advice: "write it like ada@example.com or https://app.example.com", Usage: true}
	}
	return name, nil
}

func checkEmail(raw string) error {
	if parsed, err := mail.ParseAddress(raw); err != nil || parsed.Address != raw {
		return errors.New("not an e-mail address")
	}
	return checkASCII(raw)
}

func parseURI(raw string) (string, error) {
	u, err := url.Parse(raw)
	if err != nil || u.Scheme == "" || u.Host == "" {
		return "", errors.New("not a URI with a scheme and a host")
	}
	if net.ParseIP(u.Hostname()) == nil {
		if err := checkHost(strings.ToLower(u.Hostname())); err != nil {
			return "", err
		}
	}
	return u.String(), checkASCII(u.String())
}

// checkASCII refuses what the IA5String of RFC 5280 section 4.2.1.6 cannot hold, and what nobody can see.
func checkASCII(name string) error {
	if strings.IndexFunc(name, func(r rune) bool { return r <= ' ' || r > '~' }) >= 0 {
		return errors.New("it holds a character other than the visible ones of ASCII")
	}
	return nil
}
