package certs

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/letta-dev/letta-dev/certs/certstest"
)

// log of renewals, for tests that count them.
type renewals struct {
	mu  sync.Mutex
	all []Renewal
}

func (r *renewals) add(one Renewal) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.all = append(r.all, one)
}

func (r *renewals) take() []Renewal {
	r.mu.Lock()
	defer r.mu.Unlock()
	taken := r.all
	r.all = nil
	return taken
}

func keepTest(t *testing.T, c *certstest.Clock, opts KeeperOptions) (*Keeper, *Authority, *renewals) {
	t.Helper()
	a := openTest(t, Options{Now: c.Now})
	seen := &renewals{}
	opts.Renewed = seen.add
	k, err := NewKeeper(a, opts)
	certstest.Must(t, err)
	if first := seen.take(); len(first) != 2 || first[0].Err != nil || first[1].Err != nil {
		t.Fatalf("first leaves: %+v", first)
	}
	return k, a, seen
}

func presented(t *testing.T, k *Keeper, serverName string) *x509.Certificate {
	t.Helper()
	c, err := k.GetCertificate(&tls.ClientHelloInfo{ServerName: serverName})
	certstest.Must(t, err)
	return c.Leaf
}

func TestKeeperChoosesByServerName(t *testing.T) {
	k, a, _ := keepTest(t, certstest.NewClock(), KeeperOptions{Hosts: []string{"dev.localhost", "127.0.0.2"}})
	dns, all := presented(t, k, "letta.localhost"), presented(t, k, "")
	if len(dns.IPAddresses) != 0 {
		t.Errorf("a client that sends a server name gets addresses too: BoringSSL refuses them: %v", dns.IPAddresses)
	}
	if presented(t, k, "127.0.0.1") != all {
		t.Error("a client that sends an address as its server name gets DNS names alone")
	}
	for _, name := range []string{"letta.localhost", "any.letta.localhost", "localhost", "dev.localhost"} {
		certstest.Must(t, certstest.Verify(issuedBy(dns, a), a.root, name, a.now()))
	}
	for _, name := range []string{"127.0.0.1", "::1", "127.0.0.2", "localhost", "letta.localhost", "any.letta.localhost", "dev.localhost"} {
		certstest.Must(t, certstest.Verify(issuedBy(all, a), a.root, name, a.now()))
	}
	if got := k.Names().String(); got != "letta.localhost localhost 127.0.0.1 ::1 dev.localhost 127.0.0.2" {
		t.Errorf("names: %s", got)
	}
	if want := a.now().Add(90 * certstest.Day); !k.NotAfter().Equal(want) {
		t.Errorf("ends %s, want %s", k.NotAfter(), want)
	}
}

// A wildcard in a certificate stands for one label. Names further below have leaves of their own, issued when they are asked for, of which
// no more are kept than are worth it.
func TestKeeperIssuesByName(t *testing.T) {
	c := certstest.NewClock()
	k, a, _ := keepTest(t, c, KeeperOptions{Hosts: []string{"*.dev.localhost", "plain.localhost"}})
	for name, byName := range map[string]bool{
		"a.b.letta.localhost": true, "A.B.letta.localhost": true, "w.x.y.z.letta.localhost": true, "a.b.dev.localhost": true,
		"b.letta.localhost": false, "letta.localhost": false, "b.dev.localhost": false, "a.plain.localhost": false, "a.b.localhost": false,
		"a.b.example.com": false, "a..letta.localhost": false, "a b.c.letta.localhost": false, "notletta.localhost": false, "*.b.letta.localhost": false,
	} {
		leaf := presented(t, k, name)
		if own := leaf != presented(t, k, "letta.localhost"); own != byName {
			t.Errorf("%q has a leaf of its own: %v", name, own)
		}
		if byName {
			certstest.Must(t, certstest.Verify(issuedBy(leaf, a), a.root, strings.ToLower(name), a.now()))
			if presented(t, k, name) != leaf {
				t.Errorf("%q gets another leaf at each handshake", name)
			}
		}
	}
	first := presented(t, k, "a.b.letta.localhost")
	c.Advance(61 * certstest.Day)
	if renewed := presented(t, k, "a.b.letta.localhost"); renewed == first || !renewed.NotAfter.Equal(c.Now().Add(leafLife)) {
		t.Errorf("not renewed: until %s", renewed.NotAfter)
	}
	fresh := replaced(t, a, Options{Now: c.Now})
	k.look()
	certstest.Must(t, certstest.Verify(issuedBy(presented(t, k, "a.b.letta.localhost"), fresh), fresh.root, "a.b.letta.localhost", c.Now()))
	for i := range 10 * mostByName {
		presented(t, k, fmt.Sprintf("a.b%d.letta.localhost", i))
	}
	if len(k.byName.leaves) != mostByName || len(k.byName.order) != mostByName {
		t.Errorf("%d leaves are kept, %d names", len(k.byName.leaves), len(k.byName.order))
	}
	if left := certstest.List(t, filepath.Join(a.Dir(), leavesFolder)); len(left) != 2 {
		t.Errorf("on disk: %q", left)
	}
}

func issuedBy(leaf *x509.Certificate, a *Authority) *tls.Certificate {
	return &tls.Certificate{Certificate: [][]byte{leaf.Raw, a.issuer.Raw}, Leaf: leaf}
}

func TestKeeperRefusesHostsItCannotCertify(t *testing.T) {
	a := openTest(t, Options{})
	_, err := NewKeeper(a, KeeperOptions{Hosts: []string{"dev.example.test"}})
	certstest.WantHint(t, err, `"dev.example.test"`, "certs init --allow-domain dev.example.test")
	_, err = NewKeeper(a, KeeperOptions{Hosts: []string{"192.0.2.7"}})
	certstest.WantHint(t, err, `"192.0.2.7"`, "mkcert letta.localhost ")
	_, err = NewKeeper(a, KeeperOptions{Hosts: []string{"notlocalhost"}})
	certstest.WantHint(t, err, `"notlocalhost"`, "")
	_, err = NewKeeper(a, KeeperOptions{Hosts: []string{"*.localhost"}})
	certstest.WantHint(t, err, `"*.localhost"`, "one by one")
}

func TestKeeperRemembersAcrossRestarts(t *testing.T) {
	c := certstest.NewClock()
	k, a, _ := keepTest(t, c, KeeperOptions{})
	seen := &renewals{}
	again, err := NewKeeper(a, KeeperOptions{Renewed: seen.add})
	certstest.Must(t, err)
	if len(seen.take()) != 0 || !presented(t, again, "localhost").Equal(presented(t, k, "localhost")) {
		t.Error("a second start issued again")
	}
	info, err := os.Stat(filepath.Join(a.Dir(), leavesFolder, "dns.pem"))
	certstest.Must(t, err)
	if info.Mode().Perm() != 0o600 {
		t.Errorf("the leaf's key has mode %04o", info.Mode().Perm())
	}
}

// What is on disk and not fit for use is replaced, without a word of error: a leaf is nothing to be sorry for.
func TestKeeperReplacesUnfitLeaves(t *testing.T) {
	for name, damage := range map[string]func(t *testing.T, path string, c *certstest.Clock){
		"cut":         func(t *testing.T, path string, _ *certstest.Clock) { cut(t, path) },
		"missing":     func(t *testing.T, path string, _ *certstest.Clock) { certstest.Remove(t, path) },
		"open to all": func(t *testing.T, path string, _ *certstest.Clock) { certstest.Chmod(t, path, 0o644) },
		"last third":  func(_ *testing.T, _ string, c *certstest.Clock) { c.Advance(61 * certstest.Day) },
		"over":        func(_ *testing.T, _ string, c *certstest.Clock) { c.Advance(91 * certstest.Day) },
		"of another authority": func(t *testing.T, path string, c *certstest.Clock) {
			_, a, _ := keepTest(t, c, KeeperOptions{})
			certstest.Write(t, path, 0o600, string(certstest.Read(t, filepath.Join(a.Dir(), leavesFolder, "dns.pem"))))
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := certstest.NewClock()
			k, a, _ := keepTest(t, c, KeeperOptions{})
			old := presented(t, k, "letta.localhost")
			damage(t, filepath.Join(a.Dir(), leavesFolder, "dns.pem"), c)
			again, err := NewKeeper(a, KeeperOptions{})
			certstest.Must(t, err)
			leaf := presented(t, again, "letta.localhost")
			if leaf.Equal(old) {
				t.Error("the leaf is the old one")
			}
			certstest.Must(t, certstest.Verify(issuedBy(leaf, a), a.root, "letta.localhost", c.Now()))
		})
	}
	t.Run("other hosts", func(t *testing.T) {
		_, a, _ := keepTest(t, certstest.NewClock(), KeeperOptions{})
		again, err := NewKeeper(a, KeeperOptions{Hosts: []string{"new.localhost"}})
		certstest.Must(t, err)
		if !slices.Contains(presented(t, again, "new.localhost").DNSNames, "new.localhost") {
			t.Error("the new host is not in the leaf")
		}
	})
}

func TestKeeperRenewsInUse(t *testing.T) {
	c := certstest.NewClock()
	k, _, seen := keepTest(t, c, KeeperOptions{})
	first := presented(t, k, "localhost")
	c.Advance(59 * certstest.Day)
	if !presented(t, k, "localhost").Equal(first) {
		t.Error("renewed with more than a third left")
	}
	c.Advance(2 * certstest.Day)
	second := presented(t, k, "localhost")
	if got := seen.take(); second.Equal(first) || len(got) != 1 || !got[0].NotAfter.Equal(c.Now().Add(90*certstest.Day)) {
		t.Errorf("in the last third: %+v", got)
	}
	c.Advance(-30 * certstest.Day) // a clock that ran ahead is put right
	if third := presented(t, k, "localhost"); third.Equal(second) || third.NotBefore.After(c.Now()) {
		t.Errorf("a leaf from the future stays in use: from %s at %s", third.NotBefore, c.Now())
	}
}

// Near the authority's end a new leaf would be worth no more than the old: renewing each time would never stop.
func TestKeeperRestsBeforeTheAuthorityEnds(t *testing.T) {
	c := certstest.NewClock()
	k, a, seen := keepTest(t, c, KeeperOptions{})
	c.Advance(a.NotAfter().Sub(c.Now()) - 40*certstest.Day)
	if leaf := presented(t, k, "localhost"); !leaf.NotAfter.Equal(a.NotAfter()) {
		t.Errorf("the leaf ends %s, the authority %s", leaf.NotAfter, a.NotAfter())
	}
	seen.take()
	for range 39 {
		c.Advance(certstest.Day)
		presented(t, k, "localhost")
	}
	if got := seen.take(); len(got) != 0 {
		t.Errorf("renewed %d times in vain", len(got))
	}
}

// When renewal fails the old leaf stays in service, and handshakes do not try again each time.
func TestKeeperSurvivesFailure(t *testing.T) {
	c := certstest.NewClock()
	k, _, seen := keepTest(t, c, KeeperOptions{})
	first := presented(t, k, "localhost")
	c.Advance(-2 * certstest.Day) // before the authority begins: nothing it signs is good now
	for range 3 {
		if !presented(t, k, "localhost").Equal(first) {
			t.Fatal("the leaf is gone")
		}
	}
	if got := seen.take(); len(got) != 1 || got[0].Err == nil || !got[0].NotAfter.Equal(first.NotAfter) {
		t.Errorf("in one moment: %+v", got)
	}
	c.Advance(retryAfter)
	presented(t, k, "localhost")
	if got := seen.take(); len(got) != 0 {
		t.Errorf("a minute later: %+v", got)
	}
	c.Advance(retellAfter)
	presented(t, k, "localhost")
	if got := seen.take(); len(got) != 1 || got[0].Err == nil || got[0].InMemory {
		t.Errorf("an hour later: %+v", got)
	}
	c.Advance(2 * certstest.Day)
	presented(t, k, "localhost")
	if got := seen.take(); len(got) != 0 {
		t.Errorf("with the clock put right: %+v", got)
	}
}

// A leaf that cannot be written is in use all the same.
func TestKeeperWithoutDisk(t *testing.T) {
	c := certstest.NewClock()
	k, a, seen := keepTest(t, c, KeeperOptions{})
	leaves := filepath.Join(a.Dir(), leavesFolder)
	certstest.Must(t, os.RemoveAll(leaves))
	certstest.Write(t, leaves, 0o600, "a file where the folder was")
	first := presented(t, k, "localhost")
	c.Advance(61 * certstest.Day)
	if presented(t, k, "localhost").Equal(first) {
		t.Error("the new leaf is not in use")
	}
	if got := seen.take(); len(got) != 1 || got[0].Err == nil || !got[0].InMemory {
		t.Errorf("reported %+v", got)
	}
	if _, err := a.Renew(); err == nil {
		t.Error("Renew does not say that it could not write")
	}
}

// Another process renewed: its leaf is taken from disk instead of a third one being made.
func TestKeeperTakesTheLeafOfAnotherProcess(t *testing.T) {
	c := certstest.NewClock()
	k, a, _ := keepTest(t, c, KeeperOptions{})
	c.Advance(61 * certstest.Day)
	other, err := NewKeeper(a, KeeperOptions{})
	certstest.Must(t, err)
	if !presented(t, k, "localhost").Equal(presented(t, other, "localhost")) {
		t.Error("two processes renewed one after the other")
	}
}

func TestKeeperRuns(t *testing.T) {
	c := certstest.NewClock()
	ticks := make(chan time.Time)
	k, _, seen := keepTest(t, c, KeeperOptions{Ticks: ticks})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- k.Run(ctx) }()
	c.Advance(61 * certstest.Day)
	ticks <- c.Now()
	ticks <- c.Now() // taken only after the first was dealt with
	if got := seen.take(); len(got) != 2 {
		t.Errorf("renewed %d leaves of 2", len(got))
	}
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("Run = %v", err)
	}
}

// A connection that is open keeps its keys; a new one gets the new leaf.
func TestKeeperRenewsUnderOpenConnections(t *testing.T) {
	c := certstest.NewClock()
	k, a, _ := keepTest(t, c, KeeperOptions{})
	listener := echoTLS(t, k)
	old := dialTest(t, listener, a)
	defer old.Close()
	_, err := a.Renew()
	certstest.Must(t, err)
	k.look()
	certstest.Echo(t, old)
	fresh := dialTest(t, listener, a)
	defer fresh.Close()
	certstest.Echo(t, fresh)
	if fresh.ConnectionState().PeerCertificates[0].Equal(old.ConnectionState().PeerCertificates[0]) {
		t.Error("the new connection got the old leaf")
	}
}

func dialTest(t *testing.T, addr string, a *Authority) *tls.Conn {
	t.Helper()
	roots := x509.NewCertPool()
	roots.AddCert(a.root)
	conn, err := tls.Dial("tcp", addr, &tls.Config{RootCAs: roots, ServerName: "letta.localhost", Time: a.now})
	certstest.Must(t, err)
	return conn
}

// Handshakes from all sides while the clock runs: for the race detector, and no leaf presented is ever over.
func TestKeeperConcurrently(t *testing.T) {
	c := certstest.NewClock()
	k, _, _ := keepTest(t, c, KeeperOptions{})
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 50 {
				c.Advance(certstest.Day)
				k.dns.get()
				k.all.get()
				k.NotAfter()
			}
		})
	}
	wg.Wait()
	if leaf := presented(t, k, "localhost"); leaf.NotAfter.Before(c.Now()) {
		t.Errorf("ended %s, it is %s", leaf.NotAfter, c.Now())
	}
}
