package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/letta-dev/letta-dev/orchestrator"
	"github.com/letta-dev/letta-dev/proxy"
)

// journalFrom makes the text of a journal from bytes: whole lines, lines that are none, empty ones, very long ones, and one that is torn.
func journalFrom(recipe []byte, at *time.Time) []byte {
	var text bytes.Buffer
	for i, b := range recipe {
		*at = at.Add(time.Duration(b%3) * time.Second)
		line := journalEntry{Time: *at, Source: []string{sourceProxy, sourceEngine}[b%2], Line: fmt.Sprintf("%c%d %s", 'a'+b%5, i, at.Format(time.TimeOnly))}.encode()
		switch b % 16 {
		case 11:
			line = []byte("junk\n")
		case 12:
			line = []byte("\n")
		case 13:
			line = line[:len(line)/2] // what follows is on the same line
		case 14:
			line = append(bytes.Repeat([]byte("x"), maxJournalLine+1), '\n')
		}
		text.Write(line)
	}
	return text.Bytes()
}

// FuzzLogsTail holds the law of --tail, with whatever stands in the journal: it prints the end of what is printed without, and what is
// written after it once.
func FuzzLogsTail(f *testing.F) {
	f.Add([]byte{1, 2, 3, 4}, []byte{5, 6, 7, 8, 9}, uint8(3), uint8(0), uint8(90))
	f.Add([]byte{1, 13}, []byte{13, 7, 14, 8, 11, 12, 13}, uint8(2), uint8(1), uint8(40))
	f.Add([]byte{}, []byte{13}, uint8(2), uint8(2), uint8(255))
	f.Add([]byte{16, 15, 14}, []byte{}, uint8(9), uint8(3), uint8(7))
	f.Add(bytes.Repeat([]byte{1, 4, 7, 10}, 60), bytes.Repeat([]byte{2, 5, 8}, 90), uint8(100), uint8(4), uint8(200))
	f.Fuzz(func(t *testing.T, old, current []byte, tail, filter, block uint8) {
		if len(old)+len(current) > 1000 || bytes.Count(append(old, current...), []byte{14}) > 5 {
			t.Skip("nothing new, and slow")
		}
		path := filepath.Join(t.TempDir(), "journal.jsonl")
		at := noon()
		for name, recipe := range map[string][]byte{predecessor(path): old} {
			if err := os.WriteFile(name, journalFrom(recipe, &at), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.WriteFile(path, journalFrom(current, &at), 0o600); err != nil {
			t.Fatal(err)
		}
		o := logsOptions{tail: int(tail)}
		switch filter % 6 {
		case 1:
			o.grep, _ = parseGrep("^a")
		case 2:
			o.services = []string{sourceEngine}
		case 3:
			o.since = noon().Add(time.Duration(filter) * time.Second)
		case 4:
			o.until = noon().Add(time.Duration(filter) * time.Second)
		case 5:
			o.since, o.tail = noon().Add(time.Duration(filter)*time.Second), allEntries
		}
		show := func(o logsOptions, read func(*logsRun)) *logsRun {
			r := &logsRun{app: newLogsCase(t).app, options: o, names: newNaming(""), journal: &journalReader{path: path, block: int64(block) + 1}}
			r.timeline = &timeline{options: o, out: &logPrinter{out: &bytes.Buffer{}, now: noon}, stop: func() {}}
			t.Cleanup(r.journal.close)
			read(r)
			r.timeline.release()
			return r
		}
		printed := func(r *logsRun) []string {
			return slices.Collect(strings.Lines(r.timeline.out.out.(*bytes.Buffer).String()))
		}
		all := o
		all.tail = allEntries
		whole, part := show(all, (*logsRun).readJournal), show(o, (*logsRun).readHistory)
		want := printed(whole)
		if o.tail != allEntries {
			want = want[max(0, len(want)-o.tail):]
		}
		if got := printed(part); !slices.Equal(got, want) {
			t.Fatalf("%d of a block of %d: printed\n%s\nwant\n%s", o.tail, block, strings.Join(got, ""), strings.Join(want, ""))
		}
		// What comes then, in the file and in the one after it, is the same.
		before := len(printed(whole))
		add := func(recipe ...byte) {
			file, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
			if err != nil {
				t.Fatal(err)
			}
			defer file.Close()
			if _, err := file.Write(append([]byte("\n"), journalFrom(recipe, &at)...)); err != nil {
				t.Fatal(err)
			}
		}
		add(0, 1, 2, 5)
		if err := os.Rename(path, predecessor(path)); err != nil {
			t.Fatal(err)
		}
		add(5, 2, 1)
		whole.readJournal()
		part.readJournal()
		if got, want := printed(part)[len(want):], printed(whole)[before:]; !slices.Equal(got, want) {
			t.Fatalf("after it: printed\n%s\nwant\n%s", strings.Join(got, ""), strings.Join(want, ""))
		}
	})
}

// An event of the engine has the engine's time, so the order of the journal is not quite that of time.
func TestLogsTailFindsEventsThatCameLate(t *testing.T) {
	c := newLogsCase(t)
	c.engine = nil
	j := c.journal(t)
	clock := clockAt("11:00:01")
	j.now = func() time.Time { return clock }
	for i := range 600 {
		if i == 200 { // in the last block but one
			j.engine(orchestrator.Happening{Time: clockAt("11:30:00"), Action: "die", Name: "letta-server", ExitCode: 1})
		}
		clock = clock.Add(time.Second)
		j.access(&proxy.Access{Method: "GET", Host: "letta.localhost", Path: fmt.Sprint("/", i), Status: 200})
	}
	c.prints(t, logsOptions{tail: 2},
		"11:10:01.000 proxy    200 GET http://letta.localhost/599 0B 0.0 ms",
		"11:30:00.000 engine   letta-server die, exit code 1")
}

// BenchmarkLogsTail is `logs --tail 10` after 100 000 requests, without an engine and the start of the process.
func BenchmarkLogsTail(b *testing.B) {
	home := b.TempDir()
	a := &app{stderr: &bytes.Buffer{}, dir: home, now: time.Now, global: globalFlags{project: "test"},
		env: func(name string) (string, bool) { return home, name == "HOME" }}
	files, err := a.paths("test")
	if err != nil {
		b.Fatal(err)
	}
	j, err := openJournal(files.journal(), nil, time.Now)
	if err != nil {
		b.Fatal(err)
	}
	for i := range 100_000 {
		j.access(&proxy.Access{Client: "127.0.0.1:40000", Listener: "127.0.0.1:443", Protocol: "HTTP/2.0", TLS: true, Method: "GET", Host: "letta.localhost",
			Path: fmt.Sprint("/v1/agents/agent-", i), Status: 200, Head: time.Millisecond, Total: time.Millisecond, Upstream: "letta-server:8283"})
	}
	if err := j.close(); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		var out bytes.Buffer
		a.stdout = &out
		a.ui = newUI(a)
		r := newLogsRun(a, logsOptions{tail: 10})
		r.attached = func(context.Context, paths) string { return "" }
		r.engine = func(context.Context) (orchestrator.Engine, error) { return nil, errNoEngine }
		if err := r.run(b.Context()); err != nil || strings.Count(out.String(), "\n") != 10 {
			b.Fatalf("%v\n%s", err, &out)
		}
	}
}
