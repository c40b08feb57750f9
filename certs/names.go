package certs

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/letta-dev/letta-dev/certs/host"
)

// Names are the subject alternative names of a leaf in the order they were asked for: DNS names in lower case and
// addresses in their canonical form, each once. [ParseNames] makes them.
type Names []string

// DefaultNames returns the names under which the local Letta server is known.
func DefaultNames() Names {
	return Names{"letta.localhost", "*.letta.localhost", "localhost", "127.0.0.1", "::1"}
}

// ParseNames checks the form of host names, wildcards and IP addresses. Whether an authority may sign for them is for
// [Authority.Check] to say. The error is an [*host.Error] that quotes the first name that will not do.
func ParseNames(names ...string) (Names, error) {
	var parsed Names
	for _, raw := range names {
		name, err := parseName(raw)
		if err != nil {
			return nil, err
		}
		if !slices.Contains(parsed, name) {
			parsed = append(parsed, name)
		}
	}
	if len(parsed) == 0 {
		return nil, errors.New("a certificate needs at least one name")
	}
	return parsed, nil
}

// DNS returns the host names.
func (n Names) DNS() []string { return n.of(hostName) }

// IPs returns the addresses.
func (n Names) IPs() []net.IP {
	var ips []net.IP
	for _, name := range n {
		if ip := net.ParseIP(name); ip != nil {
			ips = append(ips, ip)
		}
	}
	return ips
}

// Covers tells whether clients take a certificate with these names for a host, a wildcard or an address. A wildcard in
// n stands for one label (RFC 9525 section 6.3), and for none directly under a top-level name: *.localhost covers
// nothing, as in all browsers.
func (n Names) Covers(host string) bool {
	if slices.Contains(n, host) {
		return true
	}
	label, parent, _ := strings.Cut(host, ".")
	return label != "*" && net.ParseIP(host) == nil && strings.Contains(parent, ".") && slices.Contains(n, "*."+parent)
}

// hostsFirst returns the names in the order in which a certificate carries them.
func (n Names) hostsFirst() Names { return slices.Concat(n.DNS(), addresses(n.IPs())) }

func (n Names) equal(other Names) bool { return slices.Equal(n, other) }

// String lists the names for people: separated by spaces, without the wildcards of names that are listed themselves.
func (n Names) String() string {
	shown := slices.DeleteFunc(slices.Clone(n), func(name string) bool {
		base, wildcard := strings.CutPrefix(name, "*.")
		return wildcard && slices.Contains(n, base)
	})
	return strings.Join(shown, " ")
}

func parseName(raw string) (string, error) {
	bad := func(reason, advice string) (string, error) {
		return "", &host.Error{Doing: fmt.Sprintf("name %q", raw), Err: errors.New(reason), Advice: advice, Usage: true}
	}
	if addr, err := netip.ParseAddr(raw); err == nil {
		if addr.Zone() != "" {
			return bad("an address in a certificate has no zone", "use "+addr.WithZone("").String())
		}
		return addr.Unmap().String(), nil
	}
	name := canonical(raw)
	base, wildcard := strings.CutPrefix(name, "*.")
	if err := errors.Join(checkHost(base), checkLength(name)); err != nil {
		return bad(err.Error(), "write it like letta.localhost, *.letta.localhost or 127.0.0.1")
	}
	if wildcard && !strings.Contains(base, ".") {
		return bad("no browser accepts a wildcard directly under a top-level name",
			fmt.Sprintf("list the hosts one by one, or use *.letta.%s", base))
	}
	return name, nil
}

// canonical is a host name without the dot of the root, in lower case. Only ASCII has one: Unicode would make a Kelvin
// sign an ordinary k, and so hide what was typed.
func canonical(raw string) string {
	return strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			r += 'a' - 'A'
		}
		return r
	}, strings.TrimSuffix(raw, "."))
}

// checkLength knows the limit of RFC 1035 section 2.3.4, as characters: 255 bytes on the wire.
func checkLength(name string) error {
	if len(name) > 253 {
		return errors.New("longer than 253 characters")
	}
	return nil
}

// checkHost accepts what mkcert accepts, in ASCII and lower case: letters, digits, hyphens and underscores.
func checkHost(host string) error {
	if err := checkLength(host); err != nil {
		return err
	}
	labels := strings.Split(host, ".")
	for _, label := range labels {
		if err := checkLabel(label); err != nil {
			return err
		}
	}
	if last := labels[len(labels)-1]; strings.Trim(last, "0123456789") == "" {
		return errors.New("neither a host name nor an address: the last part is a number")
	}
	return nil
}

func checkLabel(label string) error {
	switch {
	case label == "":
		return errors.New("a part between the dots is empty")
	case len(label) > 63:
		return errors.New("a part is longer than 63 characters")
	case strings.HasPrefix(label, "-") || strings.HasSuffix(label, "-"):
		return errors.New("a part begins or ends with a hyphen")
	}
	i := strings.IndexFunc(label, notHostRune)
	if i < 0 {
		return nil
	}
	switch r, _ := utf8.DecodeRuneInString(label[i:]); {
	case r == '*':
		return errors.New("'*' can only be the whole first part, and what follows it must be a name")
	case r >= utf8.RuneSelf:
		return fmt.Errorf("%q cannot stand in a host name: international names are written in ASCII, as xn--…", r)
	default:
		return fmt.Errorf("%q cannot stand in a host name", r)
	}
}

func notHostRune(r rune) bool {
	return (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '-' && r != '_'
}
