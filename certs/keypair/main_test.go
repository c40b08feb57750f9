package keypair

import (
	"path/filepath"
	"testing"

	"go.uber.org/goleak"

	"github.com/letta-dev/letta-dev/certs"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func openTest(t *testing.T, opts certs.Options) *certs.Authority {
	t.Helper()
	a, created, err := certs.Open(filepath.Join(t.TempDir(), "ca"), opts)
	if err != nil || !created {
		t.Fatalf("Open = created %v, %v", created, err)
	}
	return a
}
