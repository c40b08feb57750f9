package certs

import (
	"crypto/x509"
	"errors"
	"slices"
	"testing"

	"github.com/letta-dev/letta-dev/certs/certstest"
	"github.com/letta-dev/letta-dev/certs/host"
)

func TestSubjectsAreWhatMkcertAccepts(t *testing.T) {
	names, err := parseSubjects([]string{"Letta.localhost", "127.0.0.1", "ada@example.com", "https://app.example.com/x?y", "ada@example.com"})
	certstest.Must(t, err)
	for k, want := range map[kind][]string{
		hostName: {"letta.localhost"}, address: {"127.0.0.1"}, email: {"ada@example.com"}, uri: {"https://app.example.com/x?y"},
	} {
		if got := names.of(k); !slices.Equal(got, want) {
			t.Errorf("kind %d: %v, want %v", k, got, want)
		}
	}
	for _, bad := range []string{
		"@", "ada@", "Ada <ada@example.com>", "ada@münchen.de", "://", "https://", "https://a b", "http://a\x00", "müsli.localhost",
	} {
		if names, err := parseSubjects([]string{bad}); err == nil {
			t.Errorf("%q passes as %v", bad, names)
		} else {
			certstest.WantHint(t, err, "name ", "write it like")
		}
	}
	if _, err := parseSubjects(nil); err == nil {
		t.Error("no name passes")
	}
}

// Constraints bind per kind of name, so ours bind neither addresses of e-mail nor URIs: the authority has to refuse them.
func TestConstrainedAuthorityRefusesOtherKinds(t *testing.T) {
	a := openTest(t, Options{})
	for _, tc := range []struct {
		names              Names
		refused, says, try string
	}{
		{Names{"ada@example.com"}, "ada@example.com", "only mkcert signs", "mkcert ada@example.com"},
		{Names{"app.localhost", "ada@mail.localhost"}, "ada@mail.localhost", "only mkcert signs", "mkcert ada@mail.localhost"},
		{Names{`"a;b"@example.com`}, "example.com", "only mkcert signs", `mkcert '"a;b"@example.com'`},
		{Names{"https://app.localhost"}, "https://app.localhost", "not a URL", "letta-dev certs create app.localhost"},
		{Names{"dev.example.test", "https://Dev.example.test:8443/x?y=$(z)", "https://[::1]/"}, "https://Dev.example.test:8443", "not a URL",
			"letta-dev certs create dev.example.test ::1"},
	} {
		err := a.Check(tc.names)
		certstest.WantHint(t, err, tc.refused, tc.try)
		certstest.WantHint(t, err, tc.says, tc.try)
		if told := (*host.Error)(nil); errors.As(err, &told) && told.Advice != tc.try {
			t.Errorf("%v: advice %q, want %q", tc.names, told.Advice, tc.try)
		}
	}
}

// Whatever passes is a certificate's: it comes back out of one as it went in.
func FuzzSubjects(f *testing.F) {
	for _, seed := range []string{"localhost", "*.letta.localhost", "::1", "ada@example.com", "https://example.com/a", "a@b://c", "x://y@z", `"a b"@c`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		names, err := parseSubjects([]string{raw})
		if err != nil {
			return
		}
		certificate, _, err := sign(&x509.Certificate{DNSNames: names.DNS(), IPAddresses: names.IPs(), EmailAddresses: names.of(email), URIs: names.uris()}, nil, nil)
		if err != nil {
			t.Fatalf("%q cannot be signed: %v", raw, err)
		}
		if got := subjects(certificate.DNSNames, certificate.EmailAddresses, certificate.IPAddresses, certificate.URIs); !slices.Equal(got, names) {
			t.Fatalf("%q became %q", names, got)
		}
		again, err := parseSubjects(names)
		if err != nil || !slices.Equal(again, names) {
			t.Fatalf("%q reads as %q, %v", names, again, err)
		}
	})
}
