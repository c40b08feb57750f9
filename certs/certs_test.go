package certs

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"log"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// TestMain plays another part when a test starts this binary again as another process.
func TestMain(m *testing.M) {
	switch os.Getenv("CERTS_TEST_ROLE") {
	case "":
		goleak.VerifyTestMain(m)
	case "dieAt":
		os.Exit(dieAt())
	case "removeWhenTold":
		os.Exit(removeWhenTold())
	case "renewForever":
		os.Exit(renewForever())
	case "look":
		os.Exit(lookForLong())
	case "untrust":
		os.Exit(untrustSlowly())
	case "openAndTell":
		os.Exit(openAndTell())
	}
}

// clock is a clock that stands still until it is set.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func newClock() *clock {
	return &clock{now: time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)}
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

const day = 24 * time.Hour

func openTest(t *testing.T, opts Options) *Authority {
	t.Helper()
	a, created, err := Open(filepath.Join(t.TempDir(), "ca"), opts)
	if err != nil || !created {
		t.Fatalf("Open = created %v, %v", created, err)
	}
	return a
}

func issueTest(t *testing.T, a *Authority, names ...string) *tls.Certificate {
	t.Helper()
	parsed, err := ParseNames(names...)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := a.Issue(parsed)
	if err != nil {
		t.Fatal(err)
	}
	return leaf
}

// verify asks Go's verifier, at a time, for a name.
func verify(leaf *tls.Certificate, root *x509.Certificate, name string, at time.Time) error {
	roots, rest := x509.NewCertPool(), x509.NewCertPool()
	roots.AddCert(root)
	for _, der := range leaf.Certificate[1:] {
		if c, err := x509.ParseCertificate(der); err == nil {
			rest.AddCert(c)
		}
	}
	_, err := leaf.Leaf.Verify(x509.VerifyOptions{DNSName: name, Roots: roots, Intermediates: rest, CurrentTime: at})
	return err
}

// wantHint requires an error that names what it concerns and says what to type.
func wantHint(t *testing.T, err error, says, hint string) {
	t.Helper()
	var hinted interface{ Hint() string }
	if !errors.As(err, &hinted) {
		t.Fatalf("error %v has no hint", err)
	}
	if !strings.Contains(err.Error(), says) || !strings.Contains(hinted.Hint(), hint) {
		t.Fatalf("error %q with hint %q, want %q and %q", err, hinted.Hint(), says, hint)
	}
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func write(t *testing.T, path string, mode os.FileMode, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), mode); err != nil {
		t.Fatal(err)
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// selfSigned is a root of somebody else.
func selfSigned(t testing.TB, organisation string) *x509.Certificate {
	t.Helper()
	template := caTemplate("root", "x", time.Now(), []string{localhost})
	template.Subject.Organization = []string{organisation}
	c, _, err := sign(template, nil, nil)
	must(t, err)
	return c
}

func quietLog() *log.Logger { return log.New(io.Discard, "", 0) }

// forge signs what the authority itself would refuse to.
func forge(t *testing.T, a *Authority, host string) *tls.Certificate {
	t.Helper()
	leaf, key, err := sign(&x509.Certificate{
		DNSNames:    []string{host},
		NotBefore:   time.Now().Add(-time.Hour),
		NotAfter:    time.Now().Add(time.Hour),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}, a.issuer, a.key)
	must(t, err)
	return &tls.Certificate{Certificate: [][]byte{leaf.Raw, a.issuer.Raw}, PrivateKey: key, Leaf: leaf}
}
