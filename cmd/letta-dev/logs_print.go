package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"charm.land/lipgloss/v2"
	"github.com/charmbracelet/colorprofile"
)

// logPrinter writes entries to standard output: for a person, or with --json a JSON object a line. What a log holds is hostile to
// terminals until shown otherwise: no byte of it reaches one that could do more than show a character.
type logPrinter struct {
	out    io.Writer
	json   bool
	folds  map[string]*fold // by service; nil: nothing is folded
	now    func() time.Time
	styles map[string]lipgloss.Style
	time   lipgloss.Style
	other  lipgloss.Style
}

func newLogPrinter(a *app, o logsOptions) *logPrinter {
	colour := func(c string) lipgloss.Style { return lipgloss.NewStyle().Foreground(lipgloss.Color(c)) }
	p := &logPrinter{
		out: &colorprofile.Writer{Forward: a.stdout, Profile: profile(a, a.stdout)}, json: a.global.json, now: a.now,
		time: lipgloss.NewStyle().Faint(true), other: colour("4"),
		styles: map[string]lipgloss.Style{sourceServer: colour("6"), sourceDatabase: colour("5"), sourceProxy: colour("2"), sourceEngine: colour("3")},
	}
	if p.json {
		p.out = a.stdout
	} else if o.grep == nil {
		p.folds = map[string]*fold{}
	}
	return p
}

// print writes an entry, with one call.
func (p *logPrinter) print(e logEntry) error {
	if p.json {
		return p.object(e)
	}
	if p.folds == nil {
		return p.line(e)
	}
	f := p.folds[e.Service]
	if strings.Contains(e.Text, migrationMark) {
		if f == nil {
			f = &fold{}
			p.folds[e.Service] = f
		}
		f.last = e
		f.lines++
		return nil
	}
	if f != nil && f.last.Source == e.Source {
		delete(p.folds, e.Service)
		if err := p.line(f.entry()); err != nil {
			return err
		}
	}
	return p.line(e)
}

// flush prints what is still folded.
func (p *logPrinter) flush() error {
	for _, service := range slices.Sorted(maps.Keys(p.folds)) {
		if err := p.line(p.folds[service].entry()); err != nil {
			return err
		}
	}
	p.folds = nil
	return nil
}

// migrationMark is in every line that alembic writes for a step of a migration: Letta 0.16.8 writes 167 of them at its first start.
const migrationMark = "[alembic.runtime.migration] Running upgrade "

// fold is a run of migration lines. It ends with the next other line of the server; what the Postgres in its container says
// meanwhile does not end it.
type fold struct {
	last  logEntry
	lines int
}

func (f *fold) entry() logEntry {
	e := f.last
	if before, _, found := strings.Cut(e.Text, "Running upgrade "); found && f.lines > 1 {
		e.Text = fmt.Sprintf("%s… %d migrations", before, f.lines)
	}
	return e
}

func (p *logPrinter) line(e logEntry) error {
	style, known := p.styles[e.Source]
	if !known {
		style = p.other
	}
	_, err := fmt.Fprintf(p.out, "%s %s %s\n", p.time.Render(p.clock(e.Time)), style.Render(fmt.Sprintf("%-8s", printable(e.Source))), printable(e.Text))
	return err
}

// clock is the local time of day, after the date when that is not today's.
func (p *logPrinter) clock(t time.Time) string {
	now := p.now()
	t = t.In(now.Location())
	if t.Format(time.DateOnly) != now.Format(time.DateOnly) {
		return t.Format(time.DateOnly + " 15:04:05.000")
	}
	return t.Format("15:04:05.000")
}

func (p *logPrinter) object(e logEntry) error {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(e); err != nil {
		return err
	}
	_, err := io.WriteString(p.out, escapeFunc(b.String(), func(r rune) string {
		if r == '\n' { // the only one: all others are escaped already
			return "\n"
		}
		return fmt.Sprintf(`\u%04x`, r)
	}))
	return err
}

// printable shows what is no character of a text, but an order to a terminal, as the escape that a Go string would have for it:
// control characters other than tab, marks that turn the direction of writing, and bytes that are not UTF-8.
func printable(s string) string {
	return escapeFunc(s, func(r rune) string {
		if r == '\t' {
			return "\t"
		}
		return strings.Trim(fmt.Sprintf("%q", string(r)), `"`)
	})
}

// printableLines is printable for a text of several lines.
func printableLines(s string) string {
	lines := strings.Split(s, "\n")
	for i, line := range lines {
		lines[i] = printable(line)
	}
	return strings.Join(lines, "\n")
}

func escapeFunc(s string, escape func(rune) string) string {
	if !strings.ContainsFunc(s, commands) && utf8.ValidString(s) {
		return s
	}
	var b strings.Builder
	for len(s) > 0 {
		r, n := utf8.DecodeRuneInString(s)
		switch {
		case r == utf8.RuneError && n == 1:
			fmt.Fprintf(&b, `\x%02x`, s[0])
		case commands(r):
			b.WriteString(escape(r))
		default:
			b.WriteString(s[:n])
		}
		s = s[n:]
	}
	return b.String()
}

// commands says whether a character may tell a terminal to do something.
func commands(r rune) bool {
	return unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) || r == '\u2028' || r == '\u2029'
}
