package redact

import (
	"strings"
	"testing"
)

func TestPrintable(t *testing.T) {
	for in, want := range map[string]string{"a b": "a%20b", "\x1b[31m": "%1B[31m", "ä": "%C3%A4", "/x?y": "/x?y"} {
		if got := Printable(in); got != want {
			t.Errorf("%q became %q", in, got)
		}
	}
	if got := Printable(strings.Repeat("x", 1<<16)); len(got) > 2100 {
		t.Errorf("%d bytes", len(got))
	}
}
