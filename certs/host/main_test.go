package host_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/letta-dev/letta-dev/certs/host"
)

// TestMain plays another part when a test starts this binary again as another process.
func TestMain(m *testing.M) {
	if os.Getenv("CERTS_TEST_ROLE") == "look" {
		if err := lookForLong(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	goleak.VerifyTestMain(m)
}

// lookForLong runs a command that changes nothing and does not end.
func lookForLong() error {
	script := "exec > " + host.Quote(filepath.Join(os.Getenv("CERTS_TEST_DIR"), "gate")) + "; echo looking; exec sleep 3600"
	_, err := host.Run(context.Background(), host.Command{Argv: []string{"sh", "-c", script}, Limit: time.Hour})
	return err
}
