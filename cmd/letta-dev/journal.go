package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/letta-dev/letta-dev/certs/host"
	"github.com/letta-dev/letta-dev/orchestrator"
)

// journalSchema is the version of the journal's entries. Entries of another version are not read.
const journalSchema = 1

// journalEntry is one line of the journal. Of the last four fields one is set.
type journalEntry struct {
	Schema int                     `json:"schema"`
	Time   time.Time               `json:"time"`
	Source string                  `json:"source"` // proxy, engine; server for the stand-in that runs in the process itself
	Access *accessRecord           `json:"access,omitempty"`
	Event  *orchestrator.Happening `json:"event,omitempty"`
	Line   string                  `json:"line,omitempty"`
	Lost   int                     `json:"lost,omitempty"` // entries that could not be written before this one
}

// maxJournal is the size in bytes at which the journal is put aside as its one predecessor, and a new one begun.
const maxJournal = 10 << 20

// journal is what a serving process writes for `letta-dev logs`: a JSON object a line, and whole lines with each write call, so that a
// reader never sees half of two. The process that holds the project's live lock is its only writer. What cannot be written is counted,
// and the count is written when that is possible again: a full disk is no reason to disturb the proxy.
type journal struct {
	path  string
	owner *host.Owner
	now   func() time.Time
	limit int64 // maxJournal, but in tests

	mu       sync.Mutex
	closed   bool
	file     *os.File    // nil when it could not be opened again
	info     os.FileInfo // of file
	looked   time.Time   // when it was last seen that the file is in its place
	size     int64
	rotateAt int64
	torn     bool   // the file does not end in a line end: a write, or the process before, ended in mid-line
	lost     int    // entries since the last that was written
	partial  []byte // of Write: a line without its end
	batch    batch
}

// openJournal opens the journal for writing, after what it holds. Only its owner can read it: paths and hosts are in it.
func openJournal(path string, owner *host.Owner, now func() time.Time) (*journal, error) {
	j := &journal{path: path, owner: owner, now: now, limit: maxJournal, rotateAt: maxJournal, batch: batch{delay: batchDelay}}
	if err := j.open(); err != nil {
		return nil, err
	}
	return j, nil
}

// engine writes what happened to a container, at the engine's own time, which the container's log has too.
func (j *journal) engine(h orchestrator.Happening) {
	j.add(journalEntry{Time: h.Time, Source: "engine", Event: &h})
}

// say writes a line of the proxy itself that is of no request.
func (j *journal) say(format string, args ...any) {
	j.add(journalEntry{Time: j.now(), Source: "proxy", Line: fmt.Sprintf(format, args...)})
}

// maxPartial bounds a line given to Write.
const maxPartial = 64 << 10

// Write writes lines of the stand-in server that runs in this process. It never fails.
func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.partial = append(j.partial, p...)
	for {
		line, rest, found := bytes.Cut(j.partial, []byte("\n"))
		if !found && len(j.partial) < maxPartial {
			return len(p), nil
		}
		j.addLocked(journalEntry{Time: j.now(), Source: "server", Line: string(line)}.encode())
		j.partial = append(j.partial[:0], rest...)
	}
}

// close ends the journal; what comes after is dropped.
func (j *journal) close() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.flush()
	j.closed = true
	if j.file == nil {
		return nil
	}
	err := j.file.Close()
	j.file = nil
	return err
}

func (j *journal) add(e journalEntry) {
	line := e.encode() // not under the lock: it is the greater part of the work
	j.mu.Lock()
	defer j.mu.Unlock()
	j.addLocked(line)
}

// encode is the entry as a line; nil when its time is one that RFC 3339 cannot write.
func (e journalEntry) encode() []byte {
	e.Schema, e.Time = journalSchema, e.Time.UTC()
	line, err := json.Marshal(e)
	if err != nil {
		return nil
	}
	return append(line, '\n')
}

// addLocked writes an entry behind those that wait.
func (j *journal) addLocked(line []byte) {
	j.flush()
	j.write(line, 1)
}

// write writes some entries, or counts them as lost.
func (j *journal) write(lines []byte, entries int) {
	if j.closed {
		return
	}
	if j.lost > 0 && j.put(journalEntry{Time: j.now(), Source: "proxy", Lost: j.lost}.encode()) > 0 {
		j.lost = 0
	}
	if j.lost == 0 && lines != nil {
		entries -= j.put(lines)
	}
	j.lost += entries
}
