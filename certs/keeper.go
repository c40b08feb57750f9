package certs

import (
	"context"
	"crypto/tls"
	"net"
	"time"

	"github.com/letta-dev/letta-dev/certs/host"
)

// checkEvery is how often Run looks at the leaves and their files. A leaf may wait for days; a person who has typed `certs
// renew`, or made the authority anew, looks at the browser next. It costs a stat of eight files, some 30 µs.
const checkEvery = 2 * time.Second

// KeeperOptions say which leaves a Keeper keeps. The zero value will do.
type KeeperOptions struct {
	Hosts   []string         // names and addresses beside DefaultNames
	Renewed func(Renewal)    // is told of every new leaf, inside a handshake or Run: it must not block
	Ticks   <-chan time.Time // when Run looks at the leaves; nil means every two seconds
}

// A Keeper holds the leaves of a server: one with DNS names for clients that send a server name, one with all names and
// addresses for those that do not (see the package comment). They last across restarts on disk, in the authority's folder, and are
// replaced under the running server, also by those that another process makes, and by those of another authority that
// takes the place of this one: handshakes get the new leaf, connections keep theirs. It is safe for concurrent use.
type Keeper struct {
	names  Names
	source *authorityWatch
	dns    *leafCache
	all    *leafCache
	byName serverNameLeaves
	report func(Renewal)
	ticks  <-chan time.Time
}

// NewKeeper loads the leaves of an authority, or issues them where there are none for these names. The error is an
// [*host.Error] if a name in Hosts is malformed or not for this authority to sign.
func NewKeeper(a *Authority, opts KeeperOptions) (*Keeper, error) {
	names, err := ParseNames(append(DefaultNames(), opts.Hosts...)...)
	if err != nil {
		return nil, err
	}
	if err := a.Check(names); err != nil {
		return nil, err
	}
	k := &Keeper{names: names, source: newAuthorityWatch(a), report: opts.Renewed, ticks: opts.Ticks}
	if k.report == nil {
		k.report = func(Renewal) {}
	}
	k.dns = &leafCache{source: k.source, names: names.DNS(), report: k.report}
	k.all = &leafCache{source: k.source, names: names.hostsFirst(), report: k.report}
	k.byName = serverNameLeaves{source: k.source, names: names, leaves: map[string]*issuedLeaf{}}
	for _, s := range k.slots() {
		if err := s.load(); err != nil {
			return nil, err
		}
	}
	return k, nil
}

// GetCertificate is for [tls.Config]: it returns the leaf for a client, renewed first where that is due.
func (k *Keeper) GetCertificate(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	// RFC 6066 forbids addresses, but some clients send them. Java sends no name without a dot either, so no server name
	// may stand for localhost too (sun.security.ssl.Utilities.toSNIHostName).
	if hello.ServerName == "" || net.ParseIP(hello.ServerName) != nil {
		return k.all.get(), nil
	}
	if leaf := k.byName.get(hello.ServerName); leaf != nil {
		return leaf, nil
	}
	return k.dns.get(), nil
}

// Run renews the leaves in time even when nobody connects, and takes up what others change on disk, until ctx is done. It
// returns the context's error.
func (k *Keeper) Run(ctx context.Context) error {
	return host.EachTick(ctx, k.ticks, checkEvery, k.look)
}

func (k *Keeper) look() {
	if err := k.source.refresh(); err != nil {
		k.report(Renewal{Names: k.names, NotAfter: k.NotAfter(), Err: err})
	}
	for _, s := range k.slots() {
		s.look()
	}
	if err := k.source.ending(); err != nil {
		k.report(Renewal{Names: k.names, NotAfter: k.NotAfter(), Err: err})
	}
}

// Names returns the names both leaves carry together.
func (k *Keeper) Names() Names { return k.names }

// NotAfter returns when the first of the leaves ends.
func (k *Keeper) NotAfter() time.Time {
	return earlier(k.dns.current.Load().notAfter(), k.all.current.Load().notAfter())
}

func (k *Keeper) slots() []*leafCache { return []*leafCache{k.dns, k.all} }

func addresses(ips []net.IP) Names {
	var names Names
	for _, ip := range ips {
		names = append(names, ip.String())
	}
	return names
}
