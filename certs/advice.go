package certs

import (
	"slices"

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
