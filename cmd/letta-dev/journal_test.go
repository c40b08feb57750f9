package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/letta-dev/letta-dev/orchestrator"
	"github.com/letta-dev/letta-dev/proxy"
)

func newTestJournal(t *testing.T) *journal {
	t.Helper()
	j, err := openJournal(filepath.Join(t.TempDir(), "journal.jsonl"), nil, func() time.Time { return time.Unix(1700000000, 0) })
	if err != nil {
		t.Fatal(err)
	}
	j.batch.delay = 0
	t.Cleanup(func() { _ = j.close() }) // closed twice by some tests
	return j
}

func readerOf(t *testing.T, j *journal) *journalReader {
	t.Helper()
	r := &journalReader{path: j.path}
	t.Cleanup(r.close)
	return r
}

// paths reads what is new, and gives the paths of the requests.
func readPaths(t *testing.T, r *journalReader) []string {
	t.Helper()
	var got []string
	if err := r.poll(func(e journalEntry) { got = append(got, e.Access.Path) }); err != nil {
		t.Fatal(err)
	}
	return got
}

func TestJournalKeepsWhatItIsGiven(t *testing.T) {
	j := newTestJournal(t)
	access := proxy.Access{
		Time: time.Unix(1, 0), Client: "127.0.0.1:5", Listener: "127.0.0.1:443", Protocol: "HTTP/2.0", TLS: true, Method: "GET",
		Host: "letta.localhost", Path: "/v1/agents/", Status: 200, BytesIn: 1, BytesOut: 2, Head: 1500 * time.Microsecond,
		Total: 2 * time.Second, Upstream: "rest", Cause: "cause", WebSocket: true,
	}
	event := orchestrator.Happening{Time: time.Unix(2, 3).UTC(), Action: "die", Container: "id", Name: "letta-server", Image: "image", ExitCode: 137}
	j.access(&access)
	j.engine(event)
	fmt.Fprintf(j, "first line\nsecond ")
	fmt.Fprintf(j, "line\nunfinished")
	var got []journalEntry
	if err := readerOf(t, j).poll(func(e journalEntry) { got = append(got, e) }); err != nil {
		t.Fatal(err)
	}
	now := time.Unix(1700000000, 0).UTC()
	want := []journalEntry{
		{Schema: 1, Time: now, Source: "proxy", Access: &accessRecord{
			Client: "127.0.0.1:5", Listener: "127.0.0.1:443", Protocol: "HTTP/2.0", TLS: true, Method: "GET", Host: "letta.localhost",
			Path: "/v1/agents/", Status: 200, BytesIn: 1, BytesOut: 2, HeadMS: 1.5, TotalMS: 2000, Upstream: "rest", Cause: "cause", WebSocket: true,
		}},
		{Schema: 1, Time: event.Time, Source: "engine", Event: &event},
		{Schema: 1, Time: now, Source: "server", Line: "first line"},
		{Schema: 1, Time: now, Source: "server", Line: "second line"},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got\n%+v\nwant\n%+v", got, want)
	}
}

// Whatever stands in a record comes back, as encoding/json would write it.
func FuzzJournalRecord(f *testing.F) {
	f.Add("127.0.0.1:5", "/v1/agents/?a=\"b\\", "connection refused\n\x1b[2J", int64(1), 12.5, true)
	f.Add("", "", "", int64(-1), 0.001, false)
	f.Fuzz(func(t *testing.T, client, path, cause string, n int64, ms float64, yes bool) {
		r := accessRecord{
			Client: client, Listener: path, Protocol: cause, TLS: yes, Method: client + "m", Host: path + "h", Path: path, Status: int(n), BytesIn: n, BytesOut: -n,
			HeadMS: float64(int64(ms)) / 1000, TotalMS: float64(n) / 1000, Upstream: client, Cause: cause, WebSocket: yes,
		}
		now := time.Unix(1700000000, n%1e9).UTC()
		want := journalEntry{Schema: journalSchema, Time: now, Source: "proxy", Access: &r}
		var got, other journalEntry
		if err := json.Unmarshal(r.appendEntry(nil, now), &got); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(want.encode(), &other); err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(got, other) {
			t.Errorf("got %+v, want %+v", got.Access, other.Access)
		}
	})
}

// What waits for others is written by a later entry of another kind, by its timer, and at the end.
func TestJournalWritesRecordsInBatches(t *testing.T) {
	j := newTestJournal(t)
	r := readerOf(t, j)
	j.batch.delay = time.Hour
	j.access(&proxy.Access{Path: "1"})
	j.access(&proxy.Access{Path: "2"})
	if got := readPaths(t, r); got != nil {
		t.Errorf("written at once: %q", got)
	}
	j.batch.timer.Reset(0)
	got := readPaths(t, r)
	for ; got == nil; got = readPaths(t, r) {
		runtime.Gosched()
	}
	j.access(&proxy.Access{Path: "3"})
	if err := j.close(); err != nil {
		t.Error(err)
	}
	if got = append(got, readPaths(t, r)...); !slices.Equal(got, []string{"1", "2", "3"}) {
		t.Errorf("got %q", got)
	}
	j = newTestJournal(t)
	j.batch.delay = time.Hour
	j.access(&proxy.Access{})
	j.say("a line")
	var kinds []string
	if err := readerOf(t, j).poll(func(e journalEntry) { kinds = append(kinds, e.Line) }); err != nil || !slices.Equal(kinds, []string{"", "a line"}) {
		t.Errorf("got %q, %v", kinds, err)
	}
}

func TestJournalIsPrivate(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows has no mode bits")
	}
	info, err := os.Stat(newTestJournal(t).path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
}

func TestJournalTakesManyWritersAtOnce(t *testing.T) {
	j := newTestJournal(t)
	var writers sync.WaitGroup
	var want []string
	for w := range 8 {
		writers.Go(func() {
			for i := range 100 {
				j.access(&proxy.Access{Path: fmt.Sprintf("%d/%02d", w, i)})
			}
		})
		for i := range 100 {
			want = append(want, fmt.Sprintf("%d/%02d", w, i))
		}
	}
	writers.Wait()
	r := readerOf(t, j)
	got := readPaths(t, r)
	slices.SortStableFunc(got, func(a, b string) int { return strings.Compare(a[:1], b[:1]) }) // each writer's own order stays
	if !slices.Equal(got, want) || r.skipped != 0 {
		t.Errorf("%d lines came back of %d, %d were broken", len(got), len(want), r.skipped)
	}
}

// FuzzJournalRotation holds the law of following: a reader that looks before the journal has been put aside twice gets each entry
// once, in order, whenever it looks.
func FuzzJournalRotation(f *testing.F) {
	f.Add([]byte{3, 0, 7, 1, 9, 9, 2, 0, 0, 9})
	f.Add([]byte{9, 9, 9, 9, 9, 9, 9, 9})
	f.Add([]byte{0, 1, 1, 1, 1, 1, 1, 1, 1, 1})
	f.Fuzz(func(t *testing.T, bursts []byte) {
		if len(bursts) > 100 {
			t.Skip("long enough")
		}
		j := newTestJournal(t)
		j.limit, j.rotateAt = 1200, 1200 // five entries
		r := readerOf(t, j)
		var got, want []string
		for _, burst := range bursts {
			for range burst % 10 {
				want = append(want, fmt.Sprintf("entry %04d", len(want)))
				j.access(&proxy.Access{Path: want[len(want)-1]})
			}
			got = append(got, readPaths(t, r)...)
		}
		if !slices.Equal(got, want) || r.skipped != 0 {
			t.Errorf("got %q, %d broken\nwant %q", got, r.skipped, want)
		}
		info, err := os.Stat(j.path)
		if err != nil || info.Size() > 1200 {
			t.Errorf("the journal grew to %d bytes, %v", info.Size(), err)
		}
	})
}

func TestJournalGoesOnWhereItCannotRotate(t *testing.T) {
	j := newTestJournal(t)
	j.limit, j.rotateAt = 500, 500
	if err := os.MkdirAll(filepath.Join(predecessor(j.path), "in the way"), 0o700); err != nil {
		t.Fatal(err)
	}
	for i := range 20 {
		j.access(&proxy.Access{Path: fmt.Sprint(i)})
	}
	r := &journalReader{path: j.path}
	defer r.close()
	if err := os.RemoveAll(predecessor(j.path)); err != nil {
		t.Fatal(err)
	}
	if got := readPaths(t, r); len(got) != 20 || j.lost != 0 {
		t.Errorf("%d of 20 entries are there, %d counted as lost", len(got), j.lost)
	}
	j.access(&proxy.Access{Path: "20"})
	j.access(&proxy.Access{Path: "21"})
	if _, err := os.Stat(predecessor(j.path)); err != nil {
		t.Errorf("the journal was not put aside once it could be: %v", err)
	}
	if got := readPaths(t, r); !slices.Equal(got, []string{"20", "21"}) {
		t.Errorf("then got %q", got)
	}
}

func TestJournalCountsWhatItCannotWrite(t *testing.T) {
	j := newTestJournal(t)
	j.access(&proxy.Access{Path: "before"})
	j.file.Close() // as good as a full disk: every write fails
	j.access(&proxy.Access{Path: "lost"})
	j.access(&proxy.Access{Path: "lost too"})
	j.file = nil // and there is room again
	j.access(&proxy.Access{Path: "after"})
	var got []string
	if err := readerOf(t, j).poll(func(e journalEntry) {
		if e.Access != nil {
			got = append(got, e.Access.Path)
		} else {
			got = append(got, fmt.Sprint(e.Lost, " lost"))
		}
	}); err != nil {
		t.Fatal(err)
	}
	if want := []string{"before", "2 lost", "after"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestJournalCountsWhatItCannotEncode(t *testing.T) {
	j := newTestJournal(t)
	j.engine(orchestrator.Happening{Time: time.Date(20000, 1, 1, 0, 0, 0, 0, time.UTC)})
	j.access(&proxy.Access{Path: "after"})
	var got []string
	if err := readerOf(t, j).poll(func(e journalEntry) { got = append(got, fmt.Sprint(e.Lost)) }); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(got, []string{"1", "0"}) {
		t.Errorf("got %q", got)
	}
}

// A disk that fills up takes half of a line. What it takes once there is room again stands on a line of its own.
func TestJournalAfterHalfAWrite(t *testing.T) {
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer read.Close()
	if write.SetWriteDeadline(time.Time{}) != nil {
		t.Skip("pipes have no deadlines here")
	}
	j := newTestJournal(t)
	j.file.Close()
	j.file = write
	go func() {
		_, _ = read.Read(make([]byte, 1)) // the write has begun
		_ = write.SetWriteDeadline(time.Unix(1, 0))
	}()
	j.access(&proxy.Access{Path: strings.Repeat("x", 1<<20)}) // more than a pipe holds
	if !j.torn || j.lost != 1 {
		t.Fatalf("torn %v, lost %d", j.torn, j.lost)
	}
	if err := write.SetWriteDeadline(time.Time{}); err != nil {
		t.Fatal(err)
	}
	got := make(chan []byte)
	go func() {
		all, _ := io.ReadAll(read)
		got <- all
	}()
	j.access(&proxy.Access{Path: "after"})
	if err := j.close(); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(string(<-got), "\n")
	if len(lines) != 4 || !strings.Contains(lines[1], `"lost":1`) || !strings.Contains(lines[2], "after") {
		t.Errorf("%d lines, of which the last are %.200q", len(lines), lines[1:])
	}
}

// What was written before the disk was full is not lost.
func TestJournalCountsWhatWasWrittenOfABatch(t *testing.T) {
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer read.Close()
	defer write.Close()
	if write.SetWriteDeadline(time.Time{}) != nil {
		t.Skip("pipes have no deadlines here")
	}
	j := newTestJournal(t)
	j.file.Close()
	j.file, j.torn = write, true
	go func() {
		_, _ = read.Read(make([]byte, 1)) // the write has begun
		_ = write.SetWriteDeadline(time.Unix(1, 0))
	}()
	short, long := journalEntry{Source: "server", Line: "short"}.encode(), journalEntry{Source: "server", Line: strings.Repeat("x", 1<<20)}.encode()
	j.write(slices.Concat(short, short, long, short), 4)
	if j.lost != 2 || !j.torn {
		t.Errorf("%d are lost, torn %v", j.lost, j.torn)
	}
}

// Somebody who cleans up while letta-dev runs ends the journal that was, and not the writing of one.
func TestJournalThatIsRemovedBeginsAnew(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows removes no file that is open")
	}
	now := time.Unix(1700000000, 0)
	j, err := openJournal(filepath.Join(t.TempDir(), "state", "journal.jsonl"), nil, func() time.Time { return now })
	if err != nil {
		t.Fatal(err)
	}
	j.batch.delay = 0
	for round := range 2 {
		j.access(&proxy.Access{Path: "before"})
		if round == 0 {
			err = os.RemoveAll(filepath.Dir(j.path))
		} else {
			err = errors.Join(os.Remove(j.path), os.WriteFile(j.path, []byte("half"), 0o600)) // another file in its place
		}
		if err != nil {
			t.Fatal(err)
		}
		now = now.Add(removedEvery)
		j.access(&proxy.Access{Path: "after"})
		var got []string
		r := readerOf(t, j)
		if err := r.poll(func(e journalEntry) {
			if e.Access != nil {
				e.Line = e.Access.Path
			}
			got = append(got, e.Line)
		}); err != nil || !slices.Equal(got, []string{"the journal before this line was removed while letta-dev ran", "after"}) {
			t.Errorf("got %q, %v", got, err)
		}
	}
	if err := j.close(); err != nil {
		t.Error(err)
	}
}

func TestJournalReaderCountsHalfALineOfAFilePutAside(t *testing.T) {
	j := newTestJournal(t)
	r := readerOf(t, j)
	fmt.Fprint(j.file, `{"schema":1,"source":"proxy",`)
	j.rotate()
	j.access(&proxy.Access{Path: "next"})
	if got := readPaths(t, r); !slices.Equal(got, []string{"next"}) || r.skipped != 1 {
		t.Errorf("got %q, %d skipped", got, r.skipped)
	}
}

// While one writes and puts the journal aside, the other reads without a pause.
func TestJournalReaderBesideAWriter(t *testing.T) {
	j := newTestJournal(t)
	j.limit, j.rotateAt = 1200, 1200 // five entries
	r := readerOf(t, j)
	const bursts, each = 300, 4
	room := make(chan struct{}, 2) // so that the reader is never two files behind
	go func() {
		for i := range bursts {
			room <- struct{}{}
			for k := range each {
				j.access(&proxy.Access{Path: fmt.Sprint(i*each + k)})
			}
		}
	}()
	for n := 0; n < bursts*each; {
		for _, got := range readPaths(t, r) {
			if want := fmt.Sprint(n); got != want {
				t.Fatalf("got entry %s, want %s", got, want)
			}
			if n++; n%each == 0 {
				<-room
			}
		}
	}
}

func TestJournalFullDisk(t *testing.T) {
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Skip("no /dev/full here")
	}
	j := newTestJournal(t)
	j.file.Close()
	j.file = full
	for range 3 {
		j.access(&proxy.Access{})
	}
	if j.lost != 3 {
		t.Errorf("%d counted as lost, want 3", j.lost)
	}
}

// A process that was killed, or a disk that filled up, leaves half a line behind.
func TestJournalGoesOnAfterHalfALine(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal.jsonl")
	if err := os.WriteFile(path, []byte(`{"schema":1,"time":"2026-01-01T00:00:`), 0o600); err != nil {
		t.Fatal(err)
	}
	j, err := openJournal(path, nil, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	defer j.close()
	j.batch.delay = 0
	j.access(&proxy.Access{Path: "whole"})
	r := readerOf(t, j)
	if got := readPaths(t, r); !slices.Equal(got, []string{"whole"}) || r.skipped != 1 {
		t.Errorf("got %q, %d skipped", got, r.skipped)
	}
}

func TestJournalReaderSkipsAndCountsWhatIsNoEntry(t *testing.T) {
	j := newTestJournal(t)
	j.access(&proxy.Access{Path: "first"})
	for _, broken := range []string{
		"not JSON", `{"schema":2,"source":"proxy","access":{}}`, `{"schema":1}`, `[]`, `{"schema":1,"source":"proxy","time":"yesterday"}`,
		strings.Repeat("x", maxJournalLine+1), "\x00\xff\x1b[2J",
	} {
		fmt.Fprintln(j.file, broken)
	}
	j.access(&proxy.Access{Path: "last"})
	r := readerOf(t, j)
	if got := readPaths(t, r); !slices.Equal(got, []string{"first", "last"}) || r.skipped != 7 {
		t.Errorf("got %q, %d skipped, want 7", got, r.skipped)
	}
}

func TestJournalReaderWaitsForTheEndOfALine(t *testing.T) {
	j := newTestJournal(t)
	r := readerOf(t, j)
	fmt.Fprint(j.file, `{"schema":1,"source":"proxy","time":"2026-01-01T00:00:00Z",`)
	if got := readPaths(t, r); got != nil {
		t.Errorf("half a line gave %q", got)
	}
	fmt.Fprintln(j.file, `"access":{"path":"whole"}}`)
	if got := readPaths(t, r); !slices.Equal(got, []string{"whole"}) {
		t.Errorf("got %q", got)
	}
}

func TestJournalThatIsNotThere(t *testing.T) {
	r := &journalReader{path: filepath.Join(t.TempDir(), "none", "journal.jsonl")}
	if got := readPaths(t, r); got != nil || r.present() {
		t.Errorf("got %q", got)
	}
}

func TestJournalAfterItsEndIsDropped(t *testing.T) {
	j := newTestJournal(t)
	if err := j.close(); err != nil {
		t.Fatal(err)
	}
	j.access(&proxy.Access{Path: "late"})
	if err := j.close(); err != nil {
		t.Error(err)
	}
	if got := readPaths(t, readerOf(t, j)); got != nil {
		t.Errorf("got %q", got)
	}
}

func BenchmarkJournalAccess(b *testing.B) {
	j, err := openJournal(filepath.Join(b.TempDir(), "journal.jsonl"), nil, time.Now)
	if err != nil {
		b.Fatal(err)
	}
	defer j.close()
	a := proxy.Access{Client: "127.0.0.1:50000", Listener: "127.0.0.1:443", Protocol: "HTTP/2.0", Method: "GET", Host: "letta.localhost", Path: "/v1/agents/?limit=10", Status: 200, Upstream: "rest"}
	b.ReportAllocs()
	for b.Loop() {
		j.access(&a)
	}
}
