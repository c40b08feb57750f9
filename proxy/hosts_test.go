package proxy

import (
	"errors"
	"math/rand/v2"
	"net"
	"net/netip"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

func testHosts(t testing.TB) hostSet {
	t.Helper()
	s, err := newHostSet(append(ownNames(), "Letta.Test.", "*.dev.test", "192.168.1.7", "fd00::1"))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestHosts(t *testing.T) {
	s := testHosts(t)
	const ours, foreign, malformed = "ours", "foreign", "malformed"
	for authority, want := range map[string]string{
		"letta.localhost": ours, "LETTA.LOCALHOST": ours, "letta.localhost.": ours, "letta.localhost:8283": ours, "letta.localhost:": ours,
		"ade.letta.localhost": ours, "a.b.letta.localhost": ours, "a.b.c.dev.test": ours, "localhost": ours, "localhost:1": ours, "127.0.0.1:80": ours, "127.1.2.3": ours, "[::1]": ours, "[::1]:443": ours,
		"[0:0:0:0:0:0:0:1]": ours, "[::ffff:127.0.0.1]": ours, "letta.test": ours, "a.dev.test": ours, "192.168.1.7:80": ours, "[fd00::1]": ours,

		"evil.example": foreign, "letta.localhost.evil": foreign, "127.0.0.1.evil": foreign, "evil-letta.localhost": foreign, "a.notdev.test": foreign,
		"dev.test": foreign, "app.localhost": foreign, "10.0.0.1": foreign, "0.0.0.0": foreign, "[::]": foreign, "[2001:db8::1]": foreign, "127.1": foreign,
		"2130706433": foreign, "0x7f.0.0.1": foreign, "0177.0.0.1": foreign, "xn--ltta-boa.localhost": foreign,

		"": malformed, ".": malformed, "localhost..": malformed, ".localhost": malformed, "localhost:99999": malformed, "localhost:0": malformed,
		"localhost:+1": malformed, "localhost:a": malformed, "a@localhost": malformed, "localhost/x": malformed, "localhost,evil": malformed,
		"localhost evil": malformed, "::1": malformed, "[::1": malformed, "[::1]x": malformed, "[fe80::1%eth0]": malformed, "[127.0.0.1]": malformed,
		"lettä.localhost": malformed, "localhost\x00": malformed, "\u212aletta.localhost": malformed, "-a.letta.localhost": malformed, "*.letta.localhost": malformed,
		strings.Repeat("a", 64) + ".letta.localhost": malformed, "%6cocalhost": malformed, "[::1]]": malformed, "[[::1]]": malformed,
	} {
		host, ok := parseHost(authority)
		got := malformed
		if ok && s.has(host) {
			got = ours
		} else if ok {
			got = foreign
		}
		if got != want {
			t.Errorf("%q is %s, want %s", authority, got, want)
		}
	}
}

func TestHostsThatAreNoNames(t *testing.T) {
	for _, name := range []string{"", "*", "*.", "http://a.test", "a.test:80", "a.test/", "*.*.test", "münchen.test", "a b"} {
		_, err := newHostSet([]string{name})
		var ce *ConfigError
		if !errors.As(err, &ce) || ce.Hint() == "" {
			t.Errorf("%q: %v", name, err)
		}
	}
}

// FuzzHosts holds the matcher to a second opinion, made of the standard library's
// parsers and one pattern: what it takes for ours must be ours for it as well, and
// plain names must not be refused.
func FuzzHosts(f *testing.F) {
	for _, seed := range []string{"letta.localhost:80", "A.LETTA.localhost.", "[::1]:1", "127.0.0.1.evil", "letta.localhost:80@evil", "[::ffff:7f00:1]", "letta.localhost#", "localhost:"} {
		f.Add(seed)
	}
	s, theirs := testHosts(f), secondOpinion()
	f.Fuzz(func(t *testing.T, authority string) {
		host, ok := parseHost(authority)
		got := ok && s.has(host)
		if want := theirs(authority); got != want {
			t.Errorf("%q: ours=%v, the second opinion says %v", authority, got, want)
		}
	})
}

// TestHostsAtRandom applies the law of FuzzHosts to strings made of the pieces that
// matter, which a fuzzer finds late.
func TestHostsAtRandom(t *testing.T) {
	s, theirs := testHosts(t), secondOpinion()
	random := rand.New(rand.NewPCG(1, 2))
	pieces := []string{"letta", "localhost", "LocalHost", ".", ".", ":", ":80", "65536", "@", "[", "]", "::1", "127.0.0.1", "evil", "-", "_", "test", "dev", "%", "/", "\u212a", "0", "a", "letta.localhost", "[::1]"}
	ours := 0
	for range 200_000 {
		authority := ""
		for range 1 + random.IntN(6) {
			authority += pieces[random.IntN(len(pieces))]
		}
		host, ok := parseHost(authority)
		got := ok && s.has(host)
		if got {
			ours++
		}
		if want := theirs(authority); got != want {
			t.Fatalf("%q: ours=%v, the second opinion says %v", authority, got, want)
		}
	}
	if ours < 1000 {
		t.Errorf("only %d names of ours came up", ours)
	}
}

// secondOpinion returns a matcher written without ours: net/url, net/netip and one
// pattern for the names that testHosts serves.
func secondOpinion() func(authority string) bool {
	name := regexp.MustCompile(`^(?:localhost|([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?\.)*letta\.localhost|letta\.test|([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?\.)+dev\.test)$`)
	return func(authority string) bool {
		u, err := url.Parse("http://" + authority)
		if err != nil || u.User != nil || u.Host != authority || strings.ContainsAny(authority, "%@,\u212a\u017f") {
			return false
		}
		if n, err := strconv.Atoi(u.Port()); u.Port() != "" && (err != nil || n < 1 || n > 65535) {
			return false
		}
		bracketed, host := strings.HasPrefix(authority, "["), u.Hostname()
		if !bracketed {
			host = strings.TrimSuffix(strings.ToLower(host), ".")
		}
		if name.MatchString(host) && len(host) <= 253 {
			return !bracketed
		}
		addr, err := netip.ParseAddr(host)
		if err != nil || bracketed != strings.Contains(host, ":") {
			return false
		}
		return net.IP(addr.AsSlice()).IsLoopback() || addr == netip.MustParseAddr("192.168.1.7") || addr == netip.MustParseAddr("fd00::1")
	}
}
