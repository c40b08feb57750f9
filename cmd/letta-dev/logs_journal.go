package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
)

// journalReader reads the journal from its predecessor's first line on, and goes on where it was with every call of poll. It keeps
// the file it is in open, so it knows when that was put aside, and reads it to its end before it goes to the next.
type journalReader struct {
	path  string
	block int64      // bytes that backward reads at once; 0: backwardBlock
	file  *os.File   // nil before there is a journal
	next  []*os.File // begun after file, oldest first

	line    []byte // read so far of the line at the end
	tooLong bool   // the rest of the line is passed over
	skipped int    // lines that were no entries
}

// maxJournalLine bounds a line in bytes; a longer one was not written by a journal.
const maxJournalLine = 1 << 20

// poll calls f for each entry that has been written since the last call. Lines that are no entries are skipped and counted.
func (r *journalReader) poll(f func(journalEntry)) error {
	if r.file == nil {
		r.next = r.after(nil)
	}
	for {
		if r.file != nil {
			if err := r.drain(f); err != nil {
				return err
			}
		}
		if len(r.next) == 0 && r.file != nil {
			if r.next = r.after(r.file); len(r.next) > 0 {
				continue // what was written to it before it was put aside
			}
		}
		if len(r.next) == 0 {
			return nil
		}
		r.turn()
	}
}

// turn goes to the next file. A line that the one before did not finish never will be.
func (r *journalReader) turn() {
	if r.file != nil {
		r.file.Close()
	}
	if len(r.line) > 0 || r.tooLong {
		r.skipped++
	}
	r.line, r.tooLong = nil, false
	r.file, r.next = r.next[0], r.next[1:]
}

// after opens the files that were begun after a file that was read to its end (nil: all), as far as they are still there.
func (r *journalReader) after(file *os.File) []*os.File {
	for {
		old, errOld := os.Open(predecessor(r.path))
		current, errCurrent := os.Open(r.path)
		if again, err := os.Open(predecessor(r.path)); err == nil {
			rotated := errOld != nil || !sameFile(old, again)
			again.Close()
			if rotated { // between the two, so that one may have been missed
				closeFiles(old, current)
				continue
			}
		}
		switch {
		case errCurrent != nil && file == nil && errOld == nil:
			return []*os.File{old} // the journal itself is just being begun
		case errCurrent != nil || file != nil && sameFile(file, current):
			closeFiles(old, current)
			return nil
		case errOld != nil:
			return []*os.File{current}
		case file != nil && sameFile(file, old):
			closeFiles(old)
			return []*os.File{current}
		}
		return []*os.File{old, current}
	}
}

func sameFile(a, b *os.File) bool {
	infoA, errA := a.Stat()
	infoB, errB := b.Stat()
	return errors.Join(errA, errB) == nil && os.SameFile(infoA, infoB)
}

func closeFiles(files ...*os.File) {
	for _, f := range files {
		if f != nil {
			f.Close()
		}
	}
}

// drain reads to the end of the file.
func (r *journalReader) drain(f func(journalEntry)) error {
	buffer := make([]byte, 64<<10)
	for {
		n, err := r.file.Read(buffer)
		for rest := buffer[:n]; len(rest) > 0; {
			text, after, whole := bytes.Cut(rest, []byte("\n"))
			r.take(text, whole, f)
			rest = after
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// take adds a piece to the line, and gives the line when it is whole.
func (r *journalReader) take(text []byte, whole bool, f func(journalEntry)) {
	if r.line = append(r.line, text...); len(r.line) > maxJournalLine {
		r.line, r.tooLong = nil, true
	}
	if !whole {
		return
	}
	line, tooLong := r.line, r.tooLong
	r.line, r.tooLong = r.line[:0], false
	switch e, ok := entryOf(line); {
	case tooLong, !ok && len(line) > 0: // an empty one is the line end after a write that failed
		r.skipped++
	case ok:
		f(e)
	}
}

// entryOf reads a line; ok says that it is an entry.
func entryOf(line []byte) (e journalEntry, ok bool) {
	err := json.Unmarshal(line, &e)
	return e, err == nil && e.Schema == journalSchema && e.Source != ""
}

// present says whether there is a journal at all.
func (r *journalReader) present() bool { return r.file != nil }

func (r *journalReader) close() {
	closeFiles(append(r.next, r.file)...)
	r.file, r.next = nil, nil
}
