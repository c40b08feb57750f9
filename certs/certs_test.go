package certs

import (
	"crypto/tls"
	"crypto/x509"
	"io"
	"log"
	"os"
	"path/filepath"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/letta-dev/letta-dev/certs/certstest"
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
	case "untrust":
		os.Exit(untrustSlowly())
	case "openAndTell":
		os.Exit(openAndTell())
	}
}

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
	certstest.Must(t, err)
	return &tls.Certificate{Certificate: [][]byte{leaf.Raw, a.issuer.Raw}, PrivateKey: key, Leaf: leaf}
}
