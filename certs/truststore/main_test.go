package truststore

import (
	"crypto/tls"
	"os"
	"path/filepath"
	"testing"

	"go.uber.org/goleak"

	"github.com/letta-dev/letta-dev/certs"
)

// TestMain plays another part when a test starts this binary again as another process.
func TestMain(m *testing.M) {
	if os.Getenv("CERTS_TEST_ROLE") == "untrust" {
		os.Exit(untrustSlowly())
	}
	goleak.VerifyTestMain(m)
}

func openTest(t *testing.T, opts certs.Options) *certs.Authority {
	t.Helper()
	a, created, err := certs.Open(filepath.Join(t.TempDir(), "ca"), opts)
	if err != nil || !created {
		t.Fatalf("Open = created %v, %v", created, err)
	}
	return a
}

func issueTest(t *testing.T, a *certs.Authority, names ...string) *tls.Certificate {
	t.Helper()
	leaf, err := a.Issue(names)
	if err != nil {
		t.Fatal(err)
	}
	return leaf
}
