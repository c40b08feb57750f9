package bridge

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
)

// all reads every event of r.
func all(r io.Reader) ([]event, error) {
	var list []event
	for ev, err := range events(r) {
		if err != nil {
			return list, err
		}
		list = append(list, ev)
	}
	return list, nil
}

func TestEvents(t *testing.T) {
	for name, c := range map[string]struct {
		in   string
		want []event
	}{
		"one":                    {"data: x\n\n", []event{{"", "x"}}},
		"no space":               {"data:x\n\n", []event{{"", "x"}}},
		"one space of two":       {"data:  x\n\n", []event{{"", " x"}}},
		"several lines":          {"data: a\ndata: b\n\n", []event{{"", "a\nb"}}},
		"empty data":             {"data:\n\n", []event{{"", ""}}},
		"field without colon":    {"data\n\n", []event{{"", ""}}},
		"named":                  {"event: error\ndata: x\n\ndata: y\n\n", []event{{"error", "x"}, {"", "y"}}},
		"name without data":      {"event: error\n\ndata: y\n\n", []event{{"", "y"}}},
		"comments, other fields": {": hi\nid: 7\nretry: 5\nDATA: no\ndata: x\n\n", []event{{"", "x"}}},
		"CRLF":                   {"event: e\r\ndata: x\r\n\r\n", []event{{"e", "x"}}},
		"CR":                     {"event: e\rdata: x\r\r", []event{{"e", "x"}}},
		"mixed ends":             {"data: a\r\rdata: b\n\r\ndata: c\r\n\n", []event{{"", "a"}, {"", "b"}, {"", "c"}}},
		"byte order mark":        {"\ufeffdata: x\n\n", []event{{"", "x"}}},
		"mark in the middle":     {"data: x\n\n\ufeffdata: y\n\n", []event{{"", "x"}}},
		"broken off":             {"data: x\n\ndata: y\n", []event{{"", "x"}}},
		"nothing":                {"", nil},
	} {
		got, err := all(strings.NewReader(c.in))
		if err != nil || !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, %v, want %q", name, got, err, c.want)
		}
	}
}

// A CR ends a line at once: waiting for a LF would hold an event back until the
// next one.
func TestEventIsYieldedAtItsLastByte(t *testing.T) {
	for _, in := range []string{"data: x\n\n", "data: x\r\r", "data: x\r\n\r"} {
		stream := io.MultiReader(strings.NewReader(in), iotest.ErrReader(errors.New("read too far")))
		for ev, err := range events(iotest.OneByteReader(stream)) {
			if err != nil || ev.data != "x" {
				t.Errorf("%q: %q, %v", in, ev, err)
			}
			break
		}
	}
}

func TestEventsEndInAnError(t *testing.T) {
	cut := errors.New("cut")
	got, err := all(io.MultiReader(strings.NewReader("data: x\n\ndata: y"), iotest.ErrReader(cut)))
	if !errors.Is(err, cut) || !slices.Equal(got, []event{{"", "x"}}) {
		t.Errorf("%q, %v", got, err)
	}
}

// endless repeats a text for ever.
type endless string

func (e endless) Read(p []byte) (int, error) {
	for n := 0; ; {
		m := copy(p[n:], e)
		if n += m; n == len(p) {
			return n, nil
		}
	}
}

func TestEventIsBounded(t *testing.T) {
	for _, in := range []string{"x", ": a comment that", "data: " + strings.Repeat("x", 1000) + "\n"} {
		if _, err := all(endless(in)); !errors.Is(err, errEventTooLong) {
			t.Errorf("%.20q: %v", in, err)
		}
	}
}

// FuzzEvents: where a stream is split makes no difference, and what was encoded
// comes back.
func FuzzEvents(f *testing.F) {
	for _, in := range []string{
		"data: x\n\n", "event: error\r\ndata: a\rdata: b\n\n", "\ufeffdata: x\r\r\n", ": c\n\ndata\n\nid: 1\n\n", "data: x",
	} {
		f.Add([]byte(in), uint(3))
	}
	f.Fuzz(func(t *testing.T, in []byte, at uint) {
		want, err := all(bytes.NewReader(in))
		if err != nil {
			t.Fatal(err)
		}
		split := min(int(at%1024), len(in))
		for name, r := range map[string]io.Reader{
			"two reads": io.MultiReader(bytes.NewReader(in[:split]), bytes.NewReader(in[split:])),
			"bytes":     iotest.OneByteReader(bytes.NewReader(in)),
		} {
			if got, err := all(r); err != nil || !slices.Equal(got, want) {
				t.Errorf("%s: %q, %v, want %q", name, got, err, want)
			}
		}
		var again strings.Builder
		for _, ev := range want {
			again.WriteString("event: " + ev.name + "\n")
			for line := range strings.SplitSeq(ev.data, "\n") {
				again.WriteString("data: " + line + "\n")
			}
			again.WriteString("\n")
		}
		if got, err := all(strings.NewReader(again.String())); err != nil || !slices.Equal(got, want) {
			t.Errorf("encoded again: %q, %v, want %q", got, err, want)
		}
	})
}
