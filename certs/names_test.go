package certs

import (
	"crypto/x509"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/letta-dev/letta-dev/certs/certstest"
)

func TestParseNamesMakesThemCanonical(t *testing.T) {
	got, err := ParseNames("Letta.LOCALHOST.", "letta.localhost", "::ffff:127.0.0.1", "127.0.0.1", "0:0:0:0:0:0:0:1", "*.a_b.localhost")
	if err != nil {
		t.Fatal(err)
	}
	want := Names{"letta.localhost", "127.0.0.1", "::1", "*.a_b.localhost"}
	if !slices.Equal(got, want) {
		t.Fatalf("got %v, want %v", got, want)
	}
}

func TestParseNamesRefuses(t *testing.T) {
	for name, says := range map[string]string{
		"":                   "empty",
		"a..localhost":       "empty",
		"*.localhost":        "no browser accepts",
		"*":                  `'*'`,
		"*.*.localhost":      `'*'`,
		"a*.letta.localhost": "whole first part",
		"letta.localhost..":  "empty",
		".":                  "empty",
		"\u212a.localhost":   "xn--", // the Kelvin sign, whose lower case is an ordinary k
		"a\x00.localhost":    `'\x00'`,
		"\xff.localhost":     "xn--",
		"*." + strings.Repeat("abc.", 62) + "test": "253",
		"a.*.localhost":                    `'*'`,
		"-a.localhost":                     "hyphen",
		"a-.localhost":                     "hyphen",
		"bücher.localhost":                 "xn--",
		"letta.localhost:8283":             `':'`,
		"https://letta.localhost":          `':'`,
		"127.0.0.256":                      "neither",
		"1.2.3":                            "neither",
		"fe80::1%eth0":                     "zone",
		strings.Repeat("a", 64):            "63",
		strings.Repeat("a.", 130) + "test": "253",
	} {
		_, err := ParseNames("letta.localhost", name)
		if err == nil {
			t.Errorf("%q was accepted", name)
			continue
		}
		certstest.WantHint(t, err, says, "")
	}
	if _, err := ParseNames(); err == nil {
		t.Error("no names were accepted")
	}
}

func TestNamesForPeople(t *testing.T) {
	if got := DefaultNames().String(); got != "letta.localhost localhost 127.0.0.1 ::1" {
		t.Errorf("default names print as %q", got)
	}
	if got := (Names{"*.x.localhost"}).String(); got != "*.x.localhost" {
		t.Errorf("a wildcard alone prints as %q", got)
	}
	if parsed, err := ParseNames(DefaultNames()...); err != nil || !slices.Equal(parsed, DefaultNames()) {
		t.Errorf("default names parse as %v, %v", parsed, err)
	}
}

// What is accepted is in canonical form, is either an address or a name, and stands in a certificate as it is.
func FuzzParseNames(f *testing.F) {
	for _, seed := range append(DefaultNames(), "*.localhost", "a_b", "1.2.3", "xn--a", "::ffff:1.2.3.4", "a.", "LOCALHOST", "\u212a", "*.*.a") {
		f.Add(seed)
	}
	root, key, err := sign(caTemplate("root", "x", time.Now(), []string{localhost}), nil, nil)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, name string) {
		names, err := ParseNames(name)
		if err != nil {
			return
		}
		again, err := ParseNames(names...)
		if err != nil || !slices.Equal(again, names) {
			t.Fatalf("%q is not canonical: %v, %v", names, again, err)
		}
		if len(names.DNS())+len(names.IPs()) != 1 {
			t.Fatalf("%q is neither name nor address, or both", names)
		}
		template := &x509.Certificate{DNSNames: names.DNS(), IPAddresses: names.IPs()}
		leaf, err := signFor(key.Public(), template, root, key)
		if err != nil || !carried(leaf).equal(names) {
			t.Fatalf("a certificate for %q: %v", names, err)
		}
		if err := leaf.VerifyHostname(strings.Replace(names[0], "*", "any", 1)); err != nil {
			t.Fatalf("a certificate for %q is none: %v", names, err)
		}
	})
}
