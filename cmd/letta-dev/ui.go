package main

// The rules of output.
//
// Standard output is the answer and nothing else: a table, a path, one JSON envelope. Standard error is the talk: progress, notes,
// warnings, errors. So `letta-dev status --json | jq` and `letta-dev certs path` work whatever is said meanwhile.
//
// Progress is rows: a name, what is known, and a mark when it ended. On a terminal the rows that are under way are drawn again in
// place; anywhere else each change is a line. Colour is decided once: --color, else NO_COLOR, TERM=dumb and whether standard error
// is a terminal. The last line of an error is a command to type.

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"charm.land/lipgloss/v2"
	"github.com/charmbracelet/colorprofile"
	"golang.org/x/term"
)

type ui struct {
	app  *app
	mode string // tty, plain, json, quiet
	out  *output
	err  io.Writer // colours taken out where they are not wanted

	mu       sync.Mutex
	rows     []*row // under way, in the order they began
	drawn    int    // lines of the block on the terminal now
	ticker   *time.Ticker
	stop     chan struct{}
	stopped  sync.WaitGroup
	warnings []string
	debugged []string  // what debug has said
	answered bool      // the envelope is written; there is one
	rests    bool      // a line can stay below all others: both outputs are one terminal
	resting  string    // that line
	up       time.Time // since when a foreground `up` is: before that its rows tell how the server stands
	data     any       // for the envelope of a command that fails and has an answer all the same

	reports sync.Mutex // held while the orchestrator reports
	steps   *stepRows
}

// Where the text of a row begins, and that of a note.
const (
	rowColumn  = 16
	noteColumn = 3
)

// row is one line of progress.
type row struct {
	ui    *ui
	name  string
	text  string
	under []string // lines below it while it is under way: the layers of a pull
	begin time.Time
}

func newUI(a *app) *ui {
	u := &ui{app: a, out: outputOf(a.stdout), mode: progressMode(a)}
	u.rests = u.mode == "tty" && !a.global.json && isTerminal(a.stdout)
	u.err = &colorprofile.Writer{Forward: a.stderr, Profile: profile(a, a.stderr)}
	u.steps = newStepRows(u)
	if u.mode == "tty" {
		stop := make(chan struct{})
		u.ticker, u.stop = time.NewTicker(100*time.Millisecond), stop
		u.stopped.Go(func() { u.animate(stop) })
	}
	return u
}

func progressMode(a *app) string {
	switch a.global.progress {
	case "", "auto":
	default:
		return a.global.progress
	}
	if !isTerminal(a.stderr) || a.env.get("TERM") == "dumb" || a.env.get("CI") != "" {
		return "plain"
	}
	return "tty"
}

// profile is how much colour an output gets. NO_COLOR wins over everything but --color=always (no-color.org).
func profile(a *app, out io.Writer) colorprofile.Profile {
	switch {
	case a.global.color == "always":
		return colorprofile.ANSI
	case a.global.color == "never", a.env.get("NO_COLOR") != "", a.env.get("TERM") == "dumb", !isTerminal(out):
		return colorprofile.NoTTY
	}
	return colorprofile.ANSI
}

func isTerminal(w any) bool {
	if o, ok := w.(*output); ok {
		w = o.to
	}
	f, ok := w.(*os.File)
	return ok && f != nil && term.IsTerminal(int(f.Fd()))
}

// interactive says whether a person can be asked something.
func (u *ui) interactive() bool { return isTerminal(u.app.stdin) && isTerminal(u.app.stderr) }

// mark is what stands before a row that ended.
type mark struct {
	sign  string
	color string
	word  string // for --progress json
}

func (m mark) String() string {
	return lipgloss.NewStyle().Foreground(lipgloss.Color(m.color)).Render(m.sign)
}

func markDone() mark { return mark{"✓", "2", "done"} }
func markWarn() mark { return mark{"!", "3", "warning"} }
func markFail() mark { return mark{"✗", "1", "failed"} }

// begin starts a row. Each row that begins must end: done, warn or fail.
func (u *ui) begin(name, text string) *row {
	u.mu.Lock()
	defer u.mu.Unlock()
	r := &row{ui: u, name: name, text: text, begin: u.app.now()}
	u.rows = append(u.rows, r)
	u.said(r, "begun")
	return r
}

// update changes what a row says while it is under way.
func (r *row) update(text string) {
	r.ui.mu.Lock()
	defer r.ui.mu.Unlock()
	if r.text != text {
		r.text = text
		r.ui.said(r, "running")
	}
}

// below sets the lines under a row, drawn on terminals only.
func (r *row) below(lines []string) {
	r.ui.mu.Lock()
	defer r.ui.mu.Unlock()
	r.under = lines
}

func (r *row) done(format string, args ...any) { r.end(markDone(), fmt.Sprintf(format, args...)) }
func (r *row) warn(format string, args ...any) { r.end(markWarn(), fmt.Sprintf(format, args...)) }
func (r *row) fail(format string, args ...any) { r.end(markFail(), fmt.Sprintf(format, args...)) }

// drop takes a row away that had nothing to say in the end.
func (r *row) drop() {
	r.ui.mu.Lock()
	defer r.ui.mu.Unlock()
	r.ui.forget(r)
}

func (r *row) end(m mark, text string) {
	u := r.ui
	u.mu.Lock()
	defer u.mu.Unlock()
	r.text = text
	u.forget(r)
	switch u.mode {
	case "json":
		u.line(r, m.word)
	case "tty", "plain":
		u.print(wrapLines(fmt.Sprintf(" %s %-12s %s\n", m, r.name, printableLines(text)), widthOf(u.app.stderr), rowColumn))
	}
}

// showsRows says whether a person sees how a row ended.
func (u *ui) showsRows() bool { return u.mode == "tty" || u.mode == "plain" }

func (u *ui) forget(r *row) {
	for i, other := range u.rows {
		if other == r {
			u.rows = append(u.rows[:i:i], u.rows[i+1:]...)
			return
		}
	}
}

// said tells of a change to a row that goes on. Terminals show it at the next drawing.
func (u *ui) said(r *row, status string) {
	switch {
	case u.mode == "json":
		u.line(r, status)
	case u.mode == "plain" && r.text != "":
		fmt.Fprint(u.err, wrapLines(fmt.Sprintf("   %-12s %s\n", r.name, r.text), widthOf(u.app.stderr), rowColumn))
	}
}

func (u *ui) line(r *row, status string) {
	u.jsonLine(map[string]any{"time": u.app.now().UTC(), "name": r.name, "status": status, "text": r.text,
		"seconds": u.app.now().Sub(r.begin).Seconds()})
}

func (u *ui) jsonLine(v any) {
	b, err := json.Marshal(v)
	if err != nil { // maps of strings and numbers always marshal
		panic(err)
	}
	fmt.Fprintf(u.err, "%s\n", b)
}

// note says one thing worth knowing; warn one worth acting on, which a JSON answer repeats.
// Commands of ours in them are as they have to be typed here.
func (u *ui) note(format string, args ...any) {
	u.remark("·", "note", u.app.asTyped(fmt.Sprintf(format, args...)))
}

func (u *ui) warn(format string, args ...any) {
	text := u.app.asTyped(fmt.Sprintf(format, args...))
	u.mu.Lock()
	u.warnings = append(u.warnings, text)
	u.mu.Unlock()
	u.remark(markWarn().String(), "warning", text)
}

// news says what happened while a server is served, and when.
func (u *ui) news(format string, args ...any) {
	u.remark("·", "news", u.app.now().Local().Format(time.TimeOnly)+" "+u.app.asTyped(fmt.Sprintf(format, args...)))
}

// cameUp says that the rows of an `up` have told all that there was: what happens from now on is news.
func (u *ui) cameUp() {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.up = time.Now()
}

// isNews says whether something happened after the rows of `up` ended.
func (u *ui) isNews(at time.Time) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	return !u.up.IsZero() && at.After(u.up)
}

func (u *ui) remark(sign, word, text string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	switch u.mode {
	case "json":
		u.jsonLine(map[string]any{"time": u.app.now().UTC(), "status": word, "text": text})
	case "tty", "plain":
		u.print(wrapLines(fmt.Sprintf(" %s %s\n", sign, printableLines(text)), widthOf(u.app.stderr), noteColumn))
	}
}

// envelope is the one shape of every JSON answer.
type envelope struct {
	SchemaVersion int          `json:"schemaVersion"`
	Command       string       `json:"command"`
	Status        string       `json:"status"` // ok or error
	Data          any          `json:"data"`
	Warnings      []string     `json:"warnings"`
	Error         *explanation `json:"error,omitempty"`
}

// answer prints what the command was asked for: data as JSON with --json, else what human writes, for people to read. It fails when that
// cannot be written.
func (u *ui) answer(command string, data any, human func(w io.Writer)) error {
	return u.verbatim(command, data, func(w io.Writer) {
		wrapped := &wrapWriter{to: w, width: widthOf(u.out)}
		human(wrapped)
		wrapped.flush()
	})
}

// verbatim is answer for what is to be typed, or read by a program: no line of it is wrapped.
func (u *ui) verbatim(command string, data any, human func(w io.Writer)) error {
	u.close()
	if !u.app.global.json {
		human(u.out)
		return u.out.err()
	}
	return u.envelope(envelope{Command: command, Status: "ok", Data: data})
}

// envelope prints a JSON answer; its error is that of what cannot be written.
func (u *ui) envelope(e envelope) error {
	u.answered = true
	e.SchemaVersion = 1
	e.Warnings = append([]string{}, u.warnings...)
	enc := json.NewEncoder(u.out)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	if err := enc.Encode(e); err != nil && !is[*outputError](err) {
		return err
	}
	return u.out.err()
}

// fail prints an error: for a person on standard error, and with --json as the envelope that the program on standard output waits for.
func (u *ui) fail(command string, e explanation) {
	u.close()
	if u.app.global.json && !u.answered {
		_ = u.envelope(envelope{Command: command, Status: "error", Data: u.data, Error: &e}) // nobody is left to tell
	}
	if u.mode == "json" {
		u.jsonLine(map[string]any{"time": u.app.now().UTC(), "status": "error", "code": e.Code, "text": e.Message, "hint": e.Hint})
		return
	}
	fmt.Fprint(u.err, wrapLines(e.lines(), widthOf(u.app.stderr), 0))
}
