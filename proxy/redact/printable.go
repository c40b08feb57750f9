package redact

import (
	"fmt"
	"strings"
)

// Printable makes text from outside safe for a log and a terminal: every byte that is
// not printable ASCII, and each space, becomes %XX, and what follows 2048 bytes is cut.
func Printable(s string) string {
	const limit = 2048
	if len(s) <= limit && !strings.ContainsFunc(s, unprintable) {
		return s
	}
	var b strings.Builder
	for i, c := range []byte(s) {
		switch {
		case i == limit:
			b.WriteString("...")
			return b.String()
		case !unprintable(rune(c)):
			b.WriteByte(c)
		default:
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}

func unprintable(r rune) bool { return r <= ' ' || r >= 0x7f }
