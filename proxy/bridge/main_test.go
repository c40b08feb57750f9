package bridge_test

import (
	"testing"

	"go.uber.org/goleak"
)

// No test leaves a goroutine behind: not a socket's, not a stream's.
func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m)
}
