package orchestrator

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"
)

// StuckError says that a server's container runs and that its server cannot come, because the Postgres or the Redis inside it has
// ended. Letta's start script waits for either without an end.
type StuckError struct {
	Container string
	Program   string   // Postgres or Redis
	Cause     string   // from the catalogue, else what Postgres said last
	Advice    string   // the command that helps against Cause
	Lines     []string // the last it said, redacted
}

// Error is the cause in the first line, and then the last lines of the log, without those of the waiting.
func (e *StuckError) Error() string {
	return fmt.Sprintf("container %q runs, and the %s inside it does not start: %s", e.Container, e.Program, e.Cause) + quoted(e.Lines)
}

// Hint is the catalogue's advice, or how to begin anew.
func (e *StuckError) Hint() string { return e.Advice }

const (
	knownWaits   = 3 // of 2 s each, after which a known cause has ended Postgres
	unknownWaits = 5 // after which it has ended of what it said last
	keptLines    = 200
)

// postgresWatch reads the log of a starting server for the end of the Postgres inside it. That is certain only when a reason is followed
// by nothing but waiting for an answer: a first start says much that looks like one, and may take its time. A Postgres that recovers
// answers, and rejects.
type postgresWatch struct {
	starting bool
	lines    []string // what was said since it began, without the waiting
	waits    int      // how often it was waited for since the last of these lines
}

// add takes the next line, and returns why Postgres has ended; an empty cause when it has not, for all that is known.
func (w *postgresWatch) add(line string) (cause, advice string) {
	switch stage := stageOf(line); {
	case isWaiting(line):
		w.waits++
		return w.verdict()
	case strings.Contains(line, "5432 - no response"): // with the beginning of another line before it, at times
	case stage == StagePostgres:
		*w = postgresWatch{starting: true}
	case stage != "", strings.Contains(line, "- accepting connections"):
		*w = postgresWatch{}
	case w.starting:
		w.waits = 0
		w.lines = append(w.lines, line)
		w.lines = w.lines[max(0, len(w.lines)-keptLines):]
	}
	return "", ""
}

// isWaiting tells the line that startup.sh writes every 2 s until Postgres answers.
func isWaiting(line string) bool { return strings.Contains(line, "Waiting for PostgreSQL to be ready") }

func (w *postgresWatch) verdict() (cause, advice string) {
	if !w.starting || w.waits < knownWaits {
		return "", ""
	}
	// The script of the official image goes on when it may not change a mode, and so may Postgres.
	said := strings.Join(slices.DeleteFunc(slices.Clone(w.lines), func(l string) bool { return strings.HasPrefix(l, "chmod: ") }), "\n")
	for _, k := range catalogue() {
		if k.postgres && k.log.MatchString(said) {
			return k.cause, k.advice
		}
	}
	if last := lastComplaint(w.lines); last != "" && w.waits >= unknownWaits {
		return printable(Redact(last)), "letta-dev up  # once that is corrected"
	}
	return "", ""
}

// lastComplaint is what a Postgres that is no more said at its end: its own words, or those of the script that starts it, with nothing
// but details after them. What it refuses to clients is none.
func lastComplaint(lines []string) string {
	const details = 3
	complaint := regexp.MustCompile(`(FATAL|PANIC):  |^(postgres|initdb|gosu|chown|chmod|mkdir|find): |docker-entrypoint\.sh: |^Error: `)
	harmless := regexp.MustCompile(`initdb: (warning|detail|hint):|FATAL:  (the database system is|terminating|role |database "|password |no pg_hba|sorry)`)
	for _, line := range slices.Backward(lines[max(0, len(lines)-details):]) {
		if complaint.MatchString(line) && !harmless.MatchString(line) {
			return line
		}
	}
	return ""
}

// printable leaves out what could give a terminal an order: a line of a log may stand in a plan.
func printable(line string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, line)
}

func (w *postgresWatch) stuck(container, cause, advice string) *StuckError {
	e := &StuckError{Container: container, Program: "Postgres", Cause: cause, Advice: advice}
	for _, l := range w.lines[max(0, len(w.lines)-lastLines):] {
		e.Lines = append(e.Lines, Redact(l))
	}
	return e
}

// startTime is how long after its start a server says why Postgres does not start; what follows is waiting.
const startTime = 3 * time.Minute

// Examine looks for servers of a project that run and are stuck, and notes why, so that a plan starts them anew: what kept Postgres
// from starting may be gone, and nothing in the container tries again.
func Examine(ctx context.Context, e Engine, project string, have Observation) {
	for i, c := range have.Containers {
		if !c.Running || !c.Labels.Ours(project) || c.Labels[LabelRole] != RoleServer {
			continue
		}
		waiting := false
		// A log that cannot be read leaves the container as it is. One that answers ends with other lines, and is not read any further.
		_ = e.Logs(ctx, c.ID, LogOptions{Tail: 4}, func(l LogLine) { waiting = waiting || isWaiting(l.Text) })
		if !waiting {
			continue
		}
		var w postgresWatch
		_ = e.Logs(ctx, c.ID, LogOptions{Since: firstWords(c), Until: c.StartedAt.Add(startTime)}, func(l LogLine) { w.add(l.Text) })
		have.Containers[i].Stuck, _ = w.verdict()
	}
}
