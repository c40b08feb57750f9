package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/letta-dev/letta-dev/certs"
	"github.com/letta-dev/letta-dev/certs/host"
	"github.com/letta-dev/letta-dev/certs/keypair"
)

// The addresses shown are those that clients accept: of the hosts asked for, else of those we always serve.
func TestAddressesThatThePairCovers(t *testing.T) {
	bound := []boundAddress{{Port: 443}, {Port: 8283}, {Port: 8282, WebSocket: true}}
	for names, c := range map[string]struct {
		hosts []string
		want  string
	}{
		"localhost":                  {nil, "https://localhost https://localhost:8283 wss://localhost:8282"},
		"letta.localhost":            {nil, "https://letta.localhost https://letta.localhost:8283 wss://letta.localhost:8282"},
		"localhost *.localhost":      {nil, "https://localhost https://localhost:8283 wss://localhost:8282"},
		"localhost letta.localhost":  {nil, "https://letta.localhost https://localhost:8283 wss://letta.localhost:8282"},
		"dev.example.test":           {[]string{"dev.example.test"}, "https://dev.example.test https://dev.example.test:8283 wss://dev.example.test:8282"},
		"dev.example.test localhost": {[]string{"dev.example.test"}, "https://dev.example.test https://localhost:8283 wss://dev.example.test:8282"},
		"*.dev.example.test":         {[]string{"*.dev.example.test"}, "https://letta.dev.example.test https://letta.dev.example.test:8283 wss://letta.dev.example.test:8282"},
		"::1":                        {[]string{"::1"}, "https://[::1] https://[::1]:8283 wss://[::1]:8282"},
		"dev.example.test letta.localhost localhost": {nil, "https://letta.localhost https://localhost:8283 wss://letta.localhost:8282"},
	} {
		s := &serving{cfg: serveConfig{TLS: true, CertFile: "/dev.pem", Hosts: c.hosts},
			leaf: func() leafInfo { return leafInfo{Names: strings.Fields(names)} }}
		if got := shown(serviceURLs(bound, true, s.urlHost)); got != c.want {
			t.Errorf("%s for %v: %s, want %s", names, c.hosts, got, c.want)
		}
	}
	ours := &serving{cfg: serveConfig{TLS: true, Hosts: []string{"dev.localhost"}}}
	if got := shown(serviceURLs(bound, true, ours.urlHost)); got != "https://letta.localhost https://localhost:8283 wss://letta.localhost:8282" {
		t.Errorf("with our own leaves: %s", got)
	}
}

// A host that somebody asked for is shown once for each scheme, after the usual ones; a wildcard is no host.
func TestAddressesOfHostsAskedFor(t *testing.T) {
	s := &serving{cfg: serveConfig{TLS: true}}
	both, hosts := []boundAddress{{Port: 443}, {Port: 8283}, {Port: 8282, WebSocket: true}}, []string{"a.localhost", "*.b.localhost", "localhost", "::1"}
	for _, c := range []struct {
		bound []boundAddress
		want  string
	}{
		{nil, ""},
		{both[1:2], "https://localhost:8283 https://a.localhost:8283 https://[::1]:8283"},
		{both, "https://letta.localhost https://localhost:8283 wss://letta.localhost:8282 " +
			"https://a.localhost wss://a.localhost:8282 https://localhost wss://localhost:8282 https://[::1] wss://[::1]:8282"},
	} {
		if got := shown(withHosts(serviceURLs(c.bound, true, s.urlHost), hosts)); got != c.want {
			t.Errorf("%v: %s", c.bound, got)
		}
	}
}

func shown(urls []serviceURL) string {
	var all []string
	for _, u := range urls {
		all = append(all, u.URL)
	}
	return strings.Join(all, " ")
}

// What becomes of the files is a line each, and a bad one says what to type.
func TestTimelineOfAPair(t *testing.T) {
	journal := newTestJournal(t)
	s := &serving{journal: journal, cfg: serveConfig{Background: true}}
	change := keypair.Change{Names: certs.Names{"localhost"}, NotAfter: noon()}
	s.tellPair(change)
	change.Refused = &host.Error{Doing: "use it", Path: "/dev.pem", Err: errors.New("it ended"), Advice: "mkcert localhost"}
	s.tellPair(change)
	change.Refused, change.Warning = nil, &host.Error{Doing: "serve it", Err: errors.New("it ends")}
	s.tellPair(change)
	day := day(noon())
	want := []string{
		fmt.Sprintf("the certificate for localhost, until %s, is in use from now on", day),
		fmt.Sprintf("the certificate for localhost, until %s, stays in use: use it: /dev.pem: it ended; to change that: mkcert localhost", day),
		"serve it: it ends",
	}
	if got := linesOf(t, journal); !slices.Equal(got, want) {
		t.Errorf("the timeline has %q", got)
	}
}

// Of our own leaves it is said which one is in use, and for how long.
func TestTimelineOfOurLeaves(t *testing.T) {
	journal := newTestJournal(t)
	s := &serving{journal: journal, cfg: serveConfig{Background: true}}
	failed := &host.Error{Doing: "keep the leaf", Path: "/ca", Err: errors.New("no space left on device"), Advice: "df -h /ca"}
	r := certs.Renewal{Names: certs.Names{"localhost"}, NotAfter: noon()}
	s.tellRenewal(r)
	r.Reason, r.Err = "it was asked for", failed
	s.tellRenewal(r)
	r.InMemory = true
	s.tellRenewal(r)
	day := day(noon())
	const why = "keep the leaf: /ca: no space left on device; to change that: df -h /ca"
	want := []string{
		fmt.Sprintf("a certificate for localhost came into use, until %s", day),
		fmt.Sprintf("the certificate for localhost, until %s, stays: %s", day, why),
		fmt.Sprintf("a certificate for localhost came into use because it was asked for, until %s, but only until this process ends: %s", day, why),
	}
	if got := linesOf(t, journal); !slices.Equal(got, want) {
		t.Errorf("the timeline has %q", got)
	}
}

func TestFlagsOfAPair(t *testing.T) {
	for name, c := range map[string]struct {
		o    proxyOptions
		says string
	}{
		"no key":         {proxyOptions{trust: "auto", cert: "a"}, "--cert and --key go together"},
		"no certificate": {proxyOptions{trust: "auto", key: "a"}, "--cert and --key go together"},
		"trust":          {proxyOptions{trust: "user", cert: "a", key: "a"}, "--trust user is about"},
		"both":           {proxyOptions{trust: "none", cert: "a", key: "a"}, ""},
	} {
		if err := c.o.check("letta-dev up"); (c.says == "") != (err == nil) || err != nil && !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// linesOf are the lines of the proxy itself in a journal.
func linesOf(t *testing.T, j *journal) (lines []string) {
	t.Helper()
	if err := readerOf(t, j).poll(func(e journalEntry) { lines = append(lines, e.Line) }); err != nil {
		t.Fatal(err)
	}
	return lines
}
