package host_test

import (
	"testing"

	"github.com/letta-dev/letta-dev/certs/host"
)

func TestQuote(t *testing.T) {
	for word, want := range map[string]string{
		"": "''", "plain-1.2/x": "plain-1.2/x", "two words": "'two words'", "it's": `'it'\''s'`, "$(reboot)": "'$(reboot)'", "*": "'*'",
	} {
		if got := host.Quote(word); got != want {
			t.Errorf("quote(%q) = %s, want %s", word, got, want)
		}
	}
}
