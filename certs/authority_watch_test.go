package certs

import (
	"crypto/tls"
	"io"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/letta-dev/letta-dev/certs/certstest"
)

// replaced is an authority in the place of another, made by another process.
func replaced(t *testing.T, a *Authority, opts Options) *Authority {
	t.Helper()
	removeTest(t, a.Dir(), nil)
	fresh, created, err := Open(a.Dir(), opts)
	if err != nil || !created {
		t.Fatalf("Open = created %v, %v", created, err)
	}
	return fresh
}

func TestKeeperTakesUpAnotherAuthority(t *testing.T) {
	for name, opts := range map[string]Options{"ours": {}, "with domains": {Domains: []string{"example.test"}}, "mkcert's": {CAROOT: certstest.FakeCAROOT(t)}} {
		t.Run(name, func(t *testing.T) {
			c := certstest.ClockAt(time.Now())
			k, a, seen := keepTest(t, c, KeeperOptions{})
			tick := k.look // as Run does at each tick
			opts.Now = c.Now
			tick()
			if got := seen.take(); len(got) != 0 {
				t.Fatalf("before: %+v", got)
			}
			fresh := replaced(t, a, opts)
			tick()
			got := seen.take()
			if len(got) != 2 || got[0].Err != nil || got[1].Err != nil || !strings.Contains(got[0].Reason+got[1].Reason, "replaced") {
				t.Fatalf("reported %+v", got)
			}
			for _, host := range []string{"letta.localhost", "127.0.0.1"} {
				leaf, err := k.GetCertificate(&tls.ClientHelloInfo{ServerName: host})
				certstest.Must(t, err)
				certstest.Must(t, certstest.Verify(leaf, fresh.root, host, c.Now()))
			}
			again, err := NewKeeper(fresh, KeeperOptions{Renewed: seen.add})
			certstest.Must(t, err)
			if !presented(t, again, "localhost").Equal(presented(t, k, "localhost")) || len(seen.take()) != 0 {
				t.Error("the new leaf is not on disk")
			}
			tick()
			if got := seen.take(); len(got) != 0 {
				t.Errorf("and again: %+v", got)
			}
		})
	}
}

// While there is no authority, or none that will do, the leaves stay, and that is told once.
func TestKeeperOutlivesItsAuthority(t *testing.T) {
	for name, tc := range map[string]struct {
		harm, mend func(t *testing.T, dir string)
		says       string
	}{
		"gone": {
			func(t *testing.T, dir string) { certstest.Must(t, os.Rename(dir, dir+".away")) },
			func(t *testing.T, dir string) { certstest.Must(t, os.Rename(dir+".away", dir)) }, "not exist",
		},
		"exposed": {
			func(t *testing.T, dir string) { certstest.Chmod(t, dir+"/intermediate-key.pem", 0o644) },
			func(t *testing.T, dir string) { certstest.Chmod(t, dir+"/intermediate-key.pem", 0o600) }, "0644",
		},
		"broken": {
			func(t *testing.T, dir string) {
				certstest.Must(t, os.Rename(dir+"/rootCA.pem", dir+"/away"))
				certstest.Write(t, dir+"/rootCA.pem", 0o644, "x")
			},
			func(t *testing.T, dir string) { certstest.Must(t, os.Rename(dir+"/away", dir+"/rootCA.pem")) }, "not one certificate",
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := certstest.NewClock()
			k, a, seen := keepTest(t, c, KeeperOptions{})
			tick := k.look
			leaf := presented(t, k, "localhost")
			tick()
			for range 2 { // the harm is told each time it is done anew
				tc.harm(t, a.Dir())
				for range 3 {
					tick()
				}
				got := seen.take()
				if len(got) != 1 || got[0].Err == nil || !strings.Contains(got[0].Err.Error(), tc.says) || !got[0].NotAfter.Equal(leaf.NotAfter) {
					t.Fatalf("harmed: %+v", got)
				}
				tc.mend(t, a.Dir())
				tick()
				if got := seen.take(); len(got) != 0 || !presented(t, k, "localhost").Equal(leaf) {
					t.Fatalf("mended: %+v", got)
				}
			}
		})
	}
}

// Where the clock is what is wrong with a new authority, it is taken up when the clock is right, though no file changes.
func TestKeeperTakesUpAnotherAuthorityWhenTheClockIsRight(t *testing.T) {
	c := certstest.NewClock()
	k, a, seen := keepTest(t, c, KeeperOptions{})
	tick := k.look
	tick()
	ahead := certstest.NewClock()
	ahead.Advance(10 * certstest.Day)
	fresh := replaced(t, a, Options{Now: ahead.Now})
	for range 3 {
		tick()
	}
	if got := seen.take(); len(got) != 1 || got[0].Err == nil {
		t.Fatalf("of the future: %+v", got)
	}
	c.Advance(10 * certstest.Day)
	tick()
	if got := seen.take(); len(got) != 2 || got[0].Err != nil || got[1].Err != nil {
		t.Fatalf("in time: %+v", got)
	}
	certstest.Must(t, certstest.Verify(issuedBy(presented(t, k, "localhost"), fresh), fresh.root, "localhost", c.Now()))
}

// A new authority that may not sign for the names in use leaves the server with what it has.
func TestKeeperWithANarrowerAuthority(t *testing.T) {
	c := certstest.NewClock()
	a := openTest(t, Options{Now: c.Now, Domains: []string{"example.test"}})
	seen := &renewals{}
	k, err := NewKeeper(a, KeeperOptions{Hosts: []string{"api.example.test"}, Renewed: seen.add})
	certstest.Must(t, err)
	seen.take()
	tick := k.look
	leaf, nameless := presented(t, k, "api.example.test"), presented(t, k, "")
	replaced(t, a, Options{Now: c.Now})
	for range 3 {
		tick()
		c.Advance(retryAfter)
	}
	got := seen.take()
	namesTheDomain := func(r Renewal) bool { return r.Err != nil && strings.Contains(r.Err.Error(), "api.example.test") }
	if len(got) != 2 || !namesTheDomain(got[0]) || !namesTheDomain(got[1]) {
		t.Fatalf("reported %+v", got)
	}
	if !presented(t, k, "api.example.test").Equal(leaf) || !presented(t, k, "").Equal(nameless) {
		t.Error("an old leaf is gone")
	}
	replaced(t, a, Options{Now: c.Now, Domains: []string{"example.test"}})
	tick()
	if got := seen.take(); len(got) != 2 || got[0].Err != nil || got[1].Err != nil {
		t.Errorf("with the domain again: %+v", got)
	}
}

// Open connections live on over a change of the authority itself.
func TestKeeperTakesUpAnotherAuthorityUnderOpenConnections(t *testing.T) {
	c := certstest.NewClock()
	k, a, _ := keepTest(t, c, KeeperOptions{})
	tick := k.look
	listener := echoTLS(t, k)
	old := dialTest(t, listener, a)
	defer old.Close()
	fresh := replaced(t, a, Options{Now: c.Now})
	tick()
	certstest.Echo(t, old)
	conn := dialTest(t, listener, fresh)
	defer conn.Close()
	certstest.Echo(t, conn)
	certstest.Echo(t, old)
}

// echoTLS serves with a Keeper's leaves.
func echoTLS(t *testing.T, k *Keeper) (addr string) {
	t.Helper()
	listener, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{GetCertificate: k.GetCertificate})
	certstest.Must(t, err)
	t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() { defer conn.Close(); _, _ = io.Copy(conn, conn) }()
		}
	}()
	return listener.Addr().String()
}

// A clock that jumps far ahead and back again costs nothing but new leaves.
func TestKeeperOverJumpsOfTheClock(t *testing.T) {
	c := certstest.NewClock()
	k, a, seen := keepTest(t, c, KeeperOptions{})
	tick := k.look
	tick()
	c.Advance(11 * 365 * certstest.Day)
	for range 3 {
		tick()
	}
	got := seen.take()
	if len(got) != 1 || got[0].Err == nil || !strings.Contains(got[0].Err.Error(), "ended") {
		t.Fatalf("after the authority's end: %+v", got)
	}
	c.Advance(-11 * 365 * certstest.Day)
	tick()
	if got := seen.take(); len(got) != 0 {
		t.Fatalf("back again: %+v", got)
	}
	for _, jump := range []time.Duration{200 * certstest.Day, -150 * certstest.Day, 3 * 365 * certstest.Day, -3 * 365 * certstest.Day} {
		c.Advance(jump)
		tick()
		if got := seen.take(); len(got) != 2 || got[0].Err != nil || got[0].Reason == "" {
			t.Fatalf("%v further: %+v", jump, got)
		}
		certstest.Must(t, certstest.Verify(issuedBy(presented(t, k, "localhost"), a), a.root, "localhost", c.Now()))
	}
}

func TestAuthorityEndsSoon(t *testing.T) {
	c := certstest.NewClock()
	a := openTest(t, Options{Now: c.Now, Domains: []string{"example.test"}})
	c.Advance(a.NotAfter().Sub(c.Now()) - 31*certstest.Day)
	if err := a.EndsSoon(); err != nil {
		t.Errorf("31 days before its end: %v", err)
	}
	c.Advance(2 * certstest.Day)
	certstest.WantHint(t, a.EndsSoon(), "ends on 2036-11-23", "certs uninstall && letta-dev certs init --allow-domain example.test && letta-dev certs install")
	c.Advance(30 * certstest.Day)
	certstest.WantHint(t, a.EndsSoon(), "ended on 2036-11-23", "certs uninstall && ")
	_, err := Load(a.Dir(), Options{Now: c.Now})
	certstest.WantHint(t, err, "ended on 2036-11-23", "init --allow-domain example.test ")
}

// The end of an authority is told in the running server, for all its names: once a day from 30 days before, and when it
// has come. Time that goes back begins anew.
func TestKeeperTellsTheEndOfItsAuthority(t *testing.T) {
	c := certstest.NewClock()
	k, a, seen := keepTest(t, c, KeeperOptions{})
	for _, step := range []struct {
		at   time.Duration // from the authority's end
		says string
	}{
		{-31 * certstest.Day, ""}, {-30 * certstest.Day, ""}, {-30*certstest.Day + time.Hour, "ends on"}, {-30*certstest.Day + 2*time.Hour, ""}, {-29 * certstest.Day, ""},
		{-29*certstest.Day + time.Hour, "ends on"}, {-time.Hour, "ends on"}, {0, ""}, {time.Hour, "ended on"}, {2 * time.Hour, ""},
		{25 * time.Hour, "ended on"}, {-time.Minute, "ends on"}, {time.Minute, "ended on"}, {-31 * certstest.Day, ""}, {-2 * certstest.Day, "ends on"},
	} {
		c.Advance(a.NotAfter().Add(step.at).Sub(c.Now()))
		for range 3 {
			k.look()
		}
		told := slices.DeleteFunc(seen.take(), func(r Renewal) bool { return r.Err == nil })
		if step.says == "" {
			if len(told) != 0 {
				t.Errorf("%s: %+v", step.at, told)
			}
			continue
		}
		if len(told) != 1 || !told[0].Names.equal(k.Names()) || !told[0].NotAfter.Equal(k.NotAfter()) || told[0].InMemory {
			t.Fatalf("%s: %+v", step.at, told)
		}
		certstest.WantHint(t, told[0].Err, step.says, "certs uninstall && letta-dev certs install")
	}
}

// What somebody else puts in the place of a leaf is not taken up.
func TestKeeperIgnoresUnfitFiles(t *testing.T) {
	c := certstest.NewClock()
	k, a, seen := keepTest(t, c, KeeperOptions{})
	tick := k.look
	tick()
	leaf := presented(t, k, "localhost")
	path := a.leafPath(DefaultNames().DNS())
	_, other, _ := keepTest(t, c, KeeperOptions{})
	for name, damage := range map[string]func(){
		"cut": func() { cut(t, path) },
		"of another authority": func() {
			certstest.Write(t, path, 0o600, string(certstest.Read(t, other.leafPath(DefaultNames().DNS()))))
		},
		"gone": func() { certstest.Remove(t, path) },
		"a link": func() {
			certstest.Remove(t, path)
			certstest.Must(t, os.Symlink(other.leafPath(DefaultNames().DNS()), path))
		},
	} {
		_ = os.Remove(path)
		certstest.Must(t, a.keep(k.dns.current.Load().leaf, k.dns.names))
		damage()
		tick()
		if got := seen.take(); len(got) != 0 || !presented(t, k, "localhost").Equal(leaf) {
			t.Errorf("%s: %+v", name, got)
		}
	}
}
