package certs

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/letta-dev/letta-dev/certs/host"
)

// remake is what helps when an authority cannot be used any more.
const remake = "letta-dev certs uninstall && letta-dev certs install"

// UseMkcert is what to type to have mkcert's CA in the place of another authority. It is for those alone whose mkcert has
// one that can be used.
const UseMkcert = "letta-dev certs uninstall && letta-dev certs init --mkcert && letta-dev certs install"

// remakeWith makes an authority anew that may sign for domains too, but for those that none may be made for any more.
func remakeWith(domains []string) string {
	domains = slices.DeleteFunc(slices.Clone(domains), isPublicSuffix)
	if len(domains) == 0 {
		return remake
	}
	init := "letta-dev certs init"
	for _, domain := range domains {
		init += " --allow-domain " + host.Quote(domain)
	}
	return "letta-dev certs uninstall && " + init + " && letta-dev certs install"
}

// refusal says why the authority does not sign for some of the names, and how to get a certificate all the same. For a
// name that was mistyped nobody is told to give up the authority that works.
func (a *Authority) refusal(names, refused Names) *host.Error {
	doing := func(name string) string { return fmt.Sprintf("certify %q", name) }
	if uris := refused.of(uri); len(uris) > 0 {
		return &host.Error{Doing: doing(uris[0]), Err: errors.New("write the host name, not a URL"),
			Advice: "letta-dev certs create" + names.hosts().Args(), Usage: true}
	}
	if emails := refused.of(email); len(emails) > 0 {
		return &host.Error{Doing: doing(emails[0]), Err: errors.New("no TLS server has an e-mail address for a name, and only mkcert signs for those"),
			Advice: "mkcert" + Names(emails).Args()}
	}
	return &host.Error{Doing: doing(refused[0]), Err: fmt.Errorf("this authority can sign for %s only", a.scope()), Advice: a.wider(names, refused)}
}

// wider is how to get a certificate for names some of which are refused: from an authority that may sign for them, which
// has to be made and trusted anew, or, for addresses, top-level names and the like, from mkcert, which signs for anything.
func (a *Authority) wider(names, refused Names) string {
	domains := a.Domains()
	for _, name := range refused {
		domain, err := allowable(strings.TrimPrefix(name, "*."))
		if err != nil {
			return "mkcert" + names.Args()
		}
		domains = append(domains, domain)
	}
	return remakeWith(domains)
}

// hosts returns the names with those of the hosts in the place of URIs.
func (n Names) hosts() Names {
	var hosts Names
	for _, name := range n {
		if u, err := url.Parse(name); err == nil && kindOf(name) == uri {
			name = canonical(u.Hostname())
		}
		if !slices.Contains(hosts, name) {
			hosts = append(hosts, name)
		}
	}
	return hosts
}

// Args returns the names as arguments of a command, each with a blank before it.
func (n Names) Args() string {
	var words strings.Builder
	for _, name := range n {
		words.WriteString(" " + host.Quote(name))
	}
	return words.String()
}
