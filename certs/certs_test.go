package certs

import (
	"crypto/tls"
	"os"
	"path/filepath"
	"testing"

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
