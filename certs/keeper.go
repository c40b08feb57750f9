package certs

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"path/filepath"
	"time"
)

// checkEvery is how often Run looks at the leaves: often, beside the 30 days in which they may be renewed.
const checkEvery = time.Hour

// KeeperOptions say which leaves a Keeper keeps. The zero value will do.
type KeeperOptions struct {
	Hosts   []string         // names and addresses beside DefaultNames
	Renewed func(Renewal)    // is told of every new leaf, inside a handshake or Run: it must not block
	Ticks   <-chan time.Time // when Run looks at the leaves; nil means every hour
}

// A Renewal is a leaf that came into use, the first included, or one that could not be replaced.
type Renewal struct {
	Names    Names
	NotAfter time.Time // of the leaf in use now
	Err      error     // why the old leaf stays in use, or why the new one is in memory only
}

// A Keeper holds the leaves of a server: one with DNS names for clients that send a server name, one with addresses for
// those that do not (see the package comment). They last across restarts on disk, in the authority's folder, and are
// replaced under the running server: handshakes get the new leaf, connections keep theirs. It is safe for concurrent
// use.
type Keeper struct {
	names Names
	dns   *slot
	ip    *slot
	ticks <-chan time.Time
}

// NewKeeper loads the leaves of an authority, or issues them where there are none for these names. The error is an
// [*Error] if a name in Hosts is malformed or not for this authority to sign.
func NewKeeper(a *Authority, opts KeeperOptions) (*Keeper, error) {
	names, err := ParseNames(append(DefaultNames(), opts.Hosts...)...)
	if err != nil {
		return nil, err
	}
	if err := a.Check(names); err != nil {
		return nil, err
	}
	report := opts.Renewed
	if report == nil {
		report = func(Renewal) {}
	}
	k := &Keeper{names: names, ticks: opts.Ticks}
	k.dns = newSlot(a, names.DNS(), "dns.pem", report)
	k.ip = newSlot(a, addresses(names.IPs()), "ip.pem", report)
	for _, s := range k.slots() {
		if err := s.load(); err != nil {
			return nil, err
		}
	}
	return k, nil
}

// GetCertificate is for [tls.Config]: it returns the leaf for a client, renewed first where that is due.
func (k *Keeper) GetCertificate(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	if hello.ServerName == "" || net.ParseIP(hello.ServerName) != nil { // RFC 6066 forbids addresses; some send them
		return k.ip.get(), nil
	}
	return k.dns.get(), nil
}

// Run renews the leaves in time even when nobody connects, until ctx is done. It returns the context's error.
func (k *Keeper) Run(ctx context.Context) error {
	ticks := k.ticks
	if ticks == nil {
		ticker := time.NewTicker(checkEvery)
		defer ticker.Stop()
		ticks = ticker.C
	}
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-ticks:
			for _, s := range k.slots() {
				s.get()
			}
		}
	}
}

// Renew replaces both leaves now. A leaf that cannot be written to disk is in use all the same, and the error says so.
func (k *Keeper) Renew() error {
	return errors.Join(k.dns.renew(), k.ip.renew())
}

// Names returns the names both leaves carry together.
func (k *Keeper) Names() Names { return k.names }

// NotAfter returns when the first of the leaves ends.
func (k *Keeper) NotAfter() time.Time {
	return earlier(k.dns.current.Load().Leaf.NotAfter, k.ip.current.Load().Leaf.NotAfter)
}

func (k *Keeper) slots() []*slot { return []*slot{k.dns, k.ip} }

func newSlot(a *Authority, names Names, name string, report func(Renewal)) *slot {
	return &slot{authority: a, names: names, path: filepath.Join(a.dir, leavesFolder, name), report: report}
}

func addresses(ips []net.IP) Names {
	var names Names
	for _, ip := range ips {
		names = append(names, ip.String())
	}
	return names
}
