package main

import (
	"slices"
	"strings"
	"testing"

	"github.com/charmbracelet/x/ansi"
)

// What is longer than the terminal goes on under its column, and a command is in one piece, on a line of its own where it has to be.
func TestWrap(t *testing.T) {
	for _, c := range []struct {
		width, hang int
		line, want  string
	}{
		{40, 0, "short", "short"},
		{0, 0, strings.Repeat("no terminal ", 9), strings.Repeat("no terminal ", 9)},
		{60, 0, "project    x-letta-dev  one two three four five six seven eight nine ten", "project    x-letta-dev  one two three four five six seven\n                        eight nine ten"},
		{40, 0, "project    x-letta-dev  one two three four five", "project    x-letta-dev\n  one two three four five"},
		{60, rowColumn, " \x1b[32m✓\x1b[m letta-server redis 0.1 s · postgres 2.1 s · migrate 6.2 s · ready", " \x1b[32m✓\x1b[m letta-server redis 0.1 s · postgres 2.1 s · migrate 6.2 s\n                · ready"},
		{40, noteColumn, " · this is so, as `letta-dev run --project x -- CMD` does", " · this is so, as\n   `letta-dev run --project x -- CMD`\n   does"},
		{40, 0, " It runs in the background. To stop it:  /a/b/letta-dev down --project x   (data stays)", " It runs in the background. To stop it:\n   /a/b/letta-dev down --project x\n   (data stays)"},
		{40, 0, "  try: docker start a-server && letta-dev up --attach a-server", "  try:\n  docker start a-server && letta-dev up --attach a-server"},
		{40, 0, "  try: letta-dev down  # or Ctrl-C in that terminal, then this again", "  try: letta-dev down  # or Ctrl-C in\n    # that terminal, then this again"},
		{40, 0, "  letta-dev up --demo            # a stand-in server, without an image", "  letta-dev up --demo            # a\n    # stand-in server, without an image"},
		{40, 0, "nothing listens on 80: no; to allow it: sudo sysctl -w net.ipv4.ip_unprivileged_port_start=80", "nothing listens on 80: no; to allow it:\nsudo sysctl -w net.ipv4.ip_unprivileged_port_start=80"},
		{40, 0, "make room, as this is a sentence and nothing to type", "make room, as this is a sentence and\n  nothing to type"},
		{40, 0, "  letta-dev logs --json | jq 'select(.access.status >= 500)'", "  letta-dev logs --json | jq 'select(.access.status >= 500)'"},
		{40, flush, "install adds our root certificate to the system's store", "install adds our root certificate to the\nsystem's store"},
		{20, 0, "漢字漢字漢字 漢字漢字 x", "漢字漢字漢字\n  漢字漢字 x"},
	} {
		if got := wrapLine(c.line, c.width, c.hang); got != c.want {
			t.Errorf("%q in %d columns:\n%s\nwant\n%s", c.line, c.width, got, c.want)
		}
	}
}

// FuzzWrap holds the law of wrapped lines: the same words in the same order, none of them in two, each line as wide as the terminal or one
// piece.
func FuzzWrap(f *testing.F) {
	f.Add("  try: # 000000000000000000000000000", uint8(30), uint8(0))
	f.Add("  try: letta-dev down  # or Ctrl-C in that terminal, then this again", uint8(30), uint8(0))
	f.Add(" ✓ image        漢字漢字漢字 pulled `letta-dev up -d` and 漢字", uint8(24), uint8(16))
	f.Add("proxy    not running; /a/long/way/to/letta-dev up --project other", uint8(40), uint8(0))
	f.Fuzz(func(t *testing.T, line string, width, hang uint8) {
		line = printable(strings.ReplaceAll(line, "\t", " ")) // as all that is printed
		got := wrapLine(line, int(width), int(hang))
		bare := func(text string) []string {
			return slices.DeleteFunc(strings.Fields(text), func(word string) bool { return word == "#" })
		}
		if !slices.Equal(bare(got), bare(line)) {
			t.Fatalf("%q became %q", line, got)
		}
		pieces := unbroken(line)
		for _, l := range strings.Split(got, "\n") {
			whole := strings.Trim(l, " ")
			isPiece := slices.ContainsFunc(pieces, func(p string) bool { p = strings.Trim(p, " "); return p == whole || "# "+p == whole })
			if width >= minWidth && ansi.StringWidth(l) > int(width) && !isPiece {
				t.Errorf("%q is wider than %d", l, width)
			}
		}
		for _, p := range pieces {
			if !strings.Contains(got, strings.TrimLeft(p, " ")) {
				t.Errorf("%q was broken: %q", p, got)
			}
		}
	})
}
