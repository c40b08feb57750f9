package docker

import (
	"bytes"
	"time"

	"github.com/letta-dev/letta-dev/orchestrator"
)

// lineWriter makes lines of one stream. Each Write is one entry of the engine's log: a stamp, a space, and a line or a piece of
// one, 16 KiB long on Docker. A terminal's stream comes in pieces of any size instead, stamped where a line begins.
type lineWriter struct {
	f        func(orchestrator.LogLine)
	stderr   bool
	unframed bool

	time time.Time
	line []byte // what was read of the line so far
}

func (w *lineWriter) Write(entry []byte) (int, error) {
	rest := entry
	for first := true; len(rest) > 0; first = false {
		if !w.unframed && (first || len(w.line) == 0) {
			rest = w.takeStamp(rest)
		}
		text, after, whole := bytes.Cut(rest, []byte("\n"))
		w.add(text)
		if whole {
			w.emit()
		}
		rest = after
	}
	return len(entry), nil
}

func (w *lineWriter) add(text []byte) {
	for len(w.line)+len(text) > maxLine {
		room := maxLine - len(w.line)
		w.line, text = append(w.line, text[:room]...), text[room:]
		w.emit()
	}
	w.line = append(w.line, text...)
}

// takeStamp reads the engine's stamp off an entry. A piece of a line keeps the stamp of the line's beginning.
func (w *lineWriter) takeStamp(entry []byte) []byte {
	const longest = len("2006-01-02T15:04:05.999999999+07:00 ")
	i := bytes.IndexByte(entry[:min(len(entry), longest)], ' ')
	if i < 0 {
		return entry
	}
	t, err := time.Parse(time.RFC3339Nano, string(entry[:i]))
	if err != nil {
		return entry
	}
	if len(w.line) == 0 {
		w.time = t
	}
	return entry[i+1:]
}

func (w *lineWriter) emit() {
	line := w.line
	w.line = w.line[:0]
	if w.unframed {
		line = w.takeStamp(line)
	}
	w.f(orchestrator.LogLine{Time: w.time, Stderr: w.stderr, Text: string(bytes.TrimSuffix(line, []byte("\r")))})
}

// flush gives the last line when it has no end.
func (w *lineWriter) flush() {
	if len(w.line) > 0 {
		w.emit()
	}
}
