package docker

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/moby/moby/api/pkg/stdcopy"

	"github.com/letta-dev/letta-dev/orchestrator"
)

const at1, at2 = "2026-11-23T04:05:06.000000001Z", "2026-11-23T04:05:07.5Z"

// written are the lines of entries, as "stamp|text".
func written(unframed bool, entries ...string) []string {
	var got []string
	w := &lineWriter{unframed: unframed, f: func(l orchestrator.LogLine) {
		got = append(got, l.Time.Format(time.RFC3339Nano)+"|"+l.Text)
	}}
	for _, e := range entries {
		_, _ = w.Write([]byte(e))
	}
	w.flush()
	return got
}

func TestLinesOfAStream(t *testing.T) {
	never := time.Time{}.Format(time.RFC3339Nano)
	for _, c := range []struct {
		name     string
		unframed bool
		entries  []string
		want     []string
	}{
		{"a line", false, []string{at1 + " hello\n"}, []string{at1 + "|hello"}},
		{"an empty line", false, []string{at1 + " \n"}, []string{at1 + "|"}},
		{"a line in pieces, each stamped", false, []string{at1 + " one ", at2 + " two ", at2 + " three\n"}, []string{at1 + "|one two three"}},
		{"no end", false, []string{at1 + " cut"}, []string{at1 + "|cut"}},
		{"carriage return", false, []string{at1 + " dos\r\n"}, []string{at1 + "|dos"}},
		{"two in one entry", false, []string{at1 + " a\n" + at2 + " b\n"}, []string{at1 + "|a", at2 + "|b"}},
		{"a stamp of the program's own", false, []string{at1 + " " + at2 + " x\n"}, []string{at1 + "|" + at2 + " x"}},
		{"no stamp", false, []string{"what is this\n"}, []string{never + "|what is this"}},
		{"not text", false, []string{at1 + " \xff\x00\x1b[2J\n"}, []string{at1 + "|\xff\x00\x1b[2J"}},
		{"a terminal, cut anywhere", true, []string{at1[:7], at1[7:] + " he", "llo\r\n" + at2 + " b\r\n"}, []string{at1 + "|hello", at2 + "|b"}},
		{"a terminal, no end", true, []string{at1 + " cut"}, []string{at1 + "|cut"}},
	} {
		if got := written(c.unframed, c.entries...); !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

func TestLineWithoutEndIsCut(t *testing.T) {
	piece := strings.Repeat("x", 16<<10)
	entries := make([]string, 0, 130)
	for range 130 { // 2 MiB and a bit
		entries = append(entries, at1+" "+piece)
	}
	var lengths []int
	for _, l := range written(false, entries...) {
		stamp, text, _ := strings.Cut(l, "|")
		lengths = append(lengths, len(text))
		if stamp != at1 || strings.Trim(text, "x") != "" {
			t.Errorf("a stamp got into the text, or the text out of it: %.80q", l)
		}
	}
	if !slices.Equal(lengths, []int{maxLine, maxLine, 130*len(piece) - 2*maxLine}) {
		t.Errorf("pieces of %v bytes", lengths)
	}
}

// Whatever a container writes, its bytes come out again, in order and in lines of at most maxLine bytes.
func FuzzLines(f *testing.F) {
	f.Add([]byte("hello\nworld"), uint8(3))
	f.Add([]byte("\n\r\n\r"), uint8(1))
	f.Add([]byte(at1+" forged\n"), uint8(200))
	f.Fuzz(func(t *testing.T, output []byte, size uint8) {
		var stream bytes.Buffer
		for _, line := range bytes.SplitAfter(output, []byte("\n")) { // as a daemon logs it: by lines, long ones in pieces
			for piece := range slices.Chunk(line, int(size)+1) {
				entry := append([]byte(at1+" "), piece...)
				header := [8]byte{0: 1}
				binary.BigEndian.PutUint32(header[4:], uint32(len(entry)))
				stream.Write(header[:])
				stream.Write(entry)
			}
		}
		var lines []string
		w := &lineWriter{f: func(l orchestrator.LogLine) {
			if l.Time.Format(time.RFC3339Nano) != at1 {
				t.Errorf("stamp %s", l.Time)
			}
			lines = append(lines, l.Text)
		}}
		if _, err := stdcopy.StdCopy(w, w, &stream); err != nil {
			t.Fatal(err)
		}
		w.flush()
		want := strings.Split(strings.TrimSuffix(string(output), "\n"), "\n")
		for i := range want {
			want[i] = strings.TrimSuffix(want[i], "\r")
		}
		if len(output) == 0 {
			want = nil
		}
		if !slices.Equal(lines, want) {
			t.Errorf("%q became %q", output, lines)
		}
	})
}

func TestLogOptions(t *testing.T) {
	since := time.Unix(1700000000, 7)
	o := logOptions(orchestrator.LogOptions{Follow: true, Tail: 20, Since: since, Until: since.Add(time.Second)})
	if got := fmt.Sprintf("%t %s %s %s %t", o.Follow, o.Tail, o.Since, o.Until, o.Timestamps); got != "true 20 1700000000.000000007 1700000001.000000007 true" {
		t.Error(got)
	}
	if all, none := logOptions(orchestrator.LogOptions{}), logOptions(orchestrator.LogOptions{Tail: -1}); all.Tail != "all" || none.Tail != "0" || all.Since != "" {
		t.Errorf("%+v %+v", all, none)
	}
}
