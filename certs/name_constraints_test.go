package certs

import (
	"crypto/x509"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/letta-dev/letta-dev/certs/certstest"
	"github.com/letta-dev/letta-dev/certs/host"
)

func TestAuthorityWithDomains(t *testing.T) {
	a := openTest(t, Options{Domains: []string{"Dev.Example.test.", "dev.example.test", "other.example"}})
	if want := []string{"dev.example.test", "other.example"}; !slices.Equal(a.Domains(), want) {
		t.Errorf("domains %v, want %v", a.Domains(), want)
	}
	for _, c := range []*x509.Certificate{a.root, a.issuer} {
		if want := []string{"localhost", "dev.example.test", "other.example"}; !slices.Equal(c.PermittedDNSDomains, want) || !c.PermittedDNSDomainsCritical {
			t.Errorf("%s is constrained to %v", c.Subject.CommonName, c.PermittedDNSDomains)
		}
	}
	again, err := Load(a.Dir(), Options{})
	certstest.Must(t, err)
	for _, name := range []string{"dev.example.test", "api.dev.example.test", "x.other.example", "letta.localhost", "127.0.0.1"} {
		certstest.Must(t, certstest.Verify(issueTest(t, again, name), a.root, name, time.Now()))
	}
	certstest.Must(t, certstest.Verify(issueTest(t, again, "*.dev.example.test"), a.root, "x.dev.example.test", time.Now()))
	_, err = again.Issue(Names{"example.test", "notdev.example.test", "localhost"})
	certstest.WantHint(t, err, `certify "example.test"`, "init --allow-domain dev.example.test --allow-domain other.example --allow-domain example.test --allow-domain notdev.example.test ")
	if err := certstest.Verify(certstest.Forge(t, again.Dir(), "example.com"), a.root, "example.com", time.Now()); err == nil {
		t.Error("a thief can sign for another site")
	}
}

// What an authority may sign for is fixed when it is made.
func TestOpenWithOtherDomains(t *testing.T) {
	a := openTest(t, Options{Domains: []string{"example.test"}})
	for _, wanted := range [][]string{nil, {"example.test"}, {"dev.example.test"}} {
		if again, created, err := Open(a.Dir(), Options{Domains: wanted}); err != nil || created || again.Root().Fingerprint() != a.Root().Fingerprint() {
			t.Errorf("Open with %v = created %v, %v", wanted, created, err)
		}
	}
	_, _, err := Open(a.Dir(), Options{Domains: []string{"example.com"}})
	certstest.WantHint(t, err, "example.com", "uninstall && letta-dev certs init --allow-domain example.test --allow-domain example.com && letta-dev certs install")
	if again, err := Load(a.Dir(), Options{}); err != nil || again.Root().Fingerprint() != a.Root().Fingerprint() {
		t.Errorf("the authority is not what it was: %v", err)
	}
}

func TestDomainsRefused(t *testing.T) {
	for domain, says := range map[string]string{
		"test": "top-level", "com.": "top-level", "*.example.test": "wildcard", "192.0.2.7": "address", "::1": "address", "": "empty", "a..b": "empty",
		"localhost": "already", "dev.localhost": "already", "bücher.example": "xn--", "example.test:443": "':'", "1.2.3": "number",
		strings.Repeat("a", 64) + ".test": "63", ".example.test": "empty",
	} {
		dir := t.TempDir() + "/ca"
		_, created, err := Open(dir, Options{Domains: []string{"fine.test", domain}})
		if created || host.Exists(dir) {
			t.Errorf("%q made an authority", domain)
		}
		certstest.WantHint(t, err, says, "letta-dev certs init")
	}
}

// What belongs to a registry, or to a service whose users have sites under it, is not to be impersonated; what is below it
// may be the user's own. An authority from before the list knew it is not lost, and its successor can be made.
func TestPublicSuffixes(t *testing.T) {
	for _, domain := range []string{"co.uk", "CO.UK.", "github.io", "s3.amazonaws.com"} {
		_, created, err := Open(t.TempDir()+"/ca", Options{Domains: []string{domain}})
		if created {
			t.Errorf("%q made an authority", domain)
		}
		certstest.WantHint(t, err, "public suffix", "letta-dev certs init --allow-domain dev.")
	}
	for _, domain := range []string{"example.co.uk", "ada.github.io", "dev.example.test", "example.test", "corp.lan"} {
		openTest(t, Options{Domains: []string{domain}})
	}
	a, err := create(t.TempDir()+"/ca", Options{Domains: []string{"example.test", "co.uk"}}.withDefaults())
	certstest.Must(t, err)
	again, _, err := Open(a.Dir(), Options{})
	certstest.Must(t, err)
	certstest.Must(t, again.Check(Names{"example.co.uk"}))
	certstest.WantHint(t, again.Check(Names{"example.com"}), "example.com", "init --allow-domain example.test --allow-domain example.com &&")
	certstest.WantHint(t, again.Check(Names{"*.github.io"}), "github.io", "mkcert '*.github.io'")
}

// Both certificates must say the same of what is permitted: clients differ in which they mind.
func TestLoadRefusesUnevenDomains(t *testing.T) {
	for name, domains := range map[string][2][]string{
		"wider root":         {{"localhost", "example.test"}, {"localhost"}},
		"wider intermediate": {{"localhost"}, {"localhost", "example.test"}},
		"a top-level name":   {{"localhost", "com"}, {"localhost", "com"}},
		"no localhost":       {{"example.test"}, {"example.test"}},
		"not canonical":      {{"localhost", ".example.test"}, {"localhost", ".example.test"}},
	} {
		t.Run(name, func(t *testing.T) {
			a := openTest(t, Options{})
			root, rootKey, err := sign(caTemplate("root", "x", time.Now(), domains[0]), nil, nil)
			certstest.Must(t, err)
			issuer, key, err := sign(caTemplate("intermediate", "x", time.Now(), domains[1]), root, rootKey)
			certstest.Must(t, err)
			encoded, err := encodeKey(key)
			certstest.Must(t, err)
			certstest.Write(t, a.Dir()+"/rootCA.pem", 0o644, string(encodeCertificates(root.Raw)))
			certstest.Write(t, a.Dir()+"/intermediate.pem", 0o644, string(encodeCertificates(issuer.Raw)))
			certstest.Write(t, a.Dir()+"/intermediate-key.pem", 0o600, string(encoded))
			_, err = Load(a.Dir(), Options{})
			certstest.WantHint(t, err, "constraints", "certs uninstall")
		})
	}
}

// What is accepted is in canonical form, and an authority made for it says that it is for it and nothing else.
func FuzzParseDomain(f *testing.F) {
	for _, seed := range []string{"example.test", "Example.Test.", "*.example.test", "com", "localhost", "a.localhost", "1.2.3.4", "xn--a.test", "\u212a.test"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		domain, err := parseDomain(raw)
		if err != nil {
			return
		}
		if again, err := parseDomain(domain); err != nil || again != domain {
			t.Fatalf("%q is not canonical: %q, %v", domain, again, err)
		}
		root, _, err := sign(caTemplate("root", "x", time.Now(), []string{localhost, domain}), nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		a := &Authority{root: root, issuer: root}
		if err := checkConstraints(root); err != nil || !slices.Equal(a.Domains(), []string{domain}) {
			t.Fatalf("an authority for %q is one for %q: %v", domain, a.Domains(), err)
		}
		_, last, _ := strings.Cut(domain, ".")
		if !a.permits("x."+domain) || a.permits("x"+domain) || a.permits(last) {
			t.Fatalf("an authority for %q permits too much or too little", domain)
		}
	})
}
