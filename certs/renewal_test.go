package certs

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/letta-dev/letta-dev/certs/certstest"
	"github.com/letta-dev/letta-dev/certs/host"
)

func TestRenewIsTakenUpByKeepers(t *testing.T) {
	c := certstest.NewClock()
	k, a, seen := keepTest(t, c, KeeperOptions{})
	own, err := NewKeeper(a, KeeperOptions{Hosts: []string{"own.localhost", "127.0.0.9"}})
	certstest.Must(t, err)
	tick, tickOwn := k.look, own.look
	tick()
	if got := seen.take(); len(got) != 0 {
		t.Fatalf("a server with hosts of its own has changed our leaves: %+v", got)
	}
	c.Advance(certstest.Day)
	renewed, err := a.Renew()
	certstest.Must(t, err)
	if len(renewed) != 4 || !slices.ContainsFunc(renewed, func(r Renewal) bool { return slices.Contains(r.Names, "own.localhost") }) {
		t.Fatalf("renewed %+v", renewed)
	}
	tick()
	tickOwn()
	if got := seen.take(); len(got) != 2 || got[0].Err != nil || got[0].Reason == "" {
		t.Errorf("taken up: %+v", got)
	}
	for _, k := range []*Keeper{k, own} {
		if want := c.Now().Add(leafLife); !k.NotAfter().Equal(want) || !presented(t, k, "localhost").NotAfter.Equal(want) || !presented(t, k, "").NotAfter.Equal(want) {
			t.Errorf("until %s, want %s", k.NotAfter(), want)
		}
	}
}

// Renew is for the leaves that somebody uses.
func TestRenewTidiesUp(t *testing.T) {
	c := certstest.NewClock()
	_, a, _ := keepTest(t, c, KeeperOptions{})
	leaves := filepath.Join(a.Dir(), leavesFolder)
	_, err := NewKeeper(a, KeeperOptions{Hosts: []string{"long-gone.localhost"}})
	certstest.Must(t, err)
	c.Advance(91 * certstest.Day)
	_, err = NewKeeper(a, KeeperOptions{Hosts: []string{"in-use.localhost"}})
	certstest.Must(t, err)
	inUse := append(DefaultNames(), "in-use.localhost")
	copied := certstest.Read(t, a.leafPath(inUse.DNS()))
	certstest.Remove(t, a.leafPath(inUse.DNS()))
	certstest.Remove(t, a.leafPath(inUse.hostsFirst()))
	certstest.Write(t, leaves+"/copied.pem", 0o600, string(copied))
	certstest.Write(t, leaves+"/.letta-dev-new-1/new", 0o600, "left by a process that died")
	certstest.Must(t, os.Chtimes(leaves+"/.letta-dev-new-1", c.Now(), c.Now().Add(-2*time.Hour)))
	certstest.Write(t, leaves+"/.letta-dev-new-2/new", 0o600, "another one is at work")
	certstest.Must(t, os.Chtimes(leaves+"/.letta-dev-new-2", c.Now(), c.Now()))
	for range 2 {
		if renewed, err := a.Renew(); err != nil || len(renewed) != 2 {
			t.Fatalf("renewed %+v, %v", renewed, err)
		}
		if left := certstest.List(t, leaves); !slices.Equal(left, []string{".letta-dev-new-2", "all.pem", "dns.pem"}) {
			t.Errorf("left: %v", left)
		}
	}
	certstest.Must(t, os.RemoveAll(leaves))
	if renewed, err := a.Renew(); err != nil || len(renewed) != 2 {
		t.Errorf("without any: %+v, %v", renewed, err)
	}
	c.Advance(11 * 365 * certstest.Day)
	if renewed, err := a.Renew(); err == nil || len(renewed) != 0 {
		t.Errorf("after the authority's end: %+v", renewed)
	}
}

// A leaf that an authority left behind which might sign for more is none to renew.
func TestRenewPassesOverForeignNames(t *testing.T) {
	a := openTest(t, Options{})
	certstest.Must(t, a.keep(certstest.Forge(t, a.Dir(), "example.com"), Names{"example.com"}))
	if renewed, err := a.Renew(); err != nil || len(renewed) != 2 || host.Exists(a.leafPath(Names{"example.com"})) {
		t.Errorf("renewed %+v, %v", renewed, err)
	}
}

// A leaf under the name of another's file, as versions before had one file for all, is nobody's.
func TestKeeperWantsItsNames(t *testing.T) {
	a := openTest(t, Options{})
	certstest.Must(t, a.keep(issueTest(t, a, "old.localhost"), DefaultNames().DNS()))
	k, err := NewKeeper(a, KeeperOptions{})
	certstest.Must(t, err)
	certstest.Must(t, presented(t, k, "letta.localhost").VerifyHostname("letta.localhost"))
}
