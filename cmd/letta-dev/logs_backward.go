package main

import (
	"bytes"
	"cmp"
	"errors"
	"io"
	"os"
	"slices"
	"time"
)

// backwardBlock is how much of the journal is read at once from its end, in bytes: some hundred entries.
const backwardBlock = 64 << 10

// backward calls f for the entries that stand in the journal now, a block at a time from the last to the first, until f wants no more; those
// of a block are in the order they were written. poll then goes on with what is written from now on.
func (r *journalReader) backward(f func([]journalEntry) (more bool)) error {
	files := r.after(nil)
	if len(files) == 0 {
		return nil
	}
	last := len(files) - 1
	r.file = files[last] // its end may be the beginning of a line, which poll finishes
	defer closeFiles(files[:last]...)
	for i := last; i >= 0; i-- {
		b := &backwardReader{file: files[i], size: cmp.Or(r.block, backwardBlock)}
		end, err := b.begin()
		if err == nil && i == last {
			_, err = r.file.Seek(end, io.SeekStart)
		} else if b.torn {
			r.skipped++ // nobody finishes it any more
		}
		if err != nil {
			return err
		}
		for more := true; more; {
			var entries []journalEntry
			if entries, more, err = b.block(&r.skipped); err != nil {
				return err
			}
			if !f(entries) {
				return nil
			}
		}
	}
	return nil
}

// backwardReader reads the lines of a file from its end.
type backwardReader struct {
	file    *os.File
	size    int64    // of a block
	at      int64    // what stands before it is not read yet
	torn    bool     // the file does not end in a line end
	pieces  [][]byte // of a line whose beginning stands before at, the last one first
	length  int      // of them
	tooLong bool     // the same line, and it is passed over
}

// begin looks for the end of the last whole line, which is where reading begins.
func (b *backwardReader) begin() (end int64, err error) {
	info, err := b.file.Stat()
	if err != nil {
		return 0, err
	}
	size := info.Size()
	for b.at = size; b.at > 0; {
		piece, err := b.before()
		if err != nil {
			return 0, err
		}
		if i := bytes.LastIndexByte(piece, '\n'); i >= 0 {
			b.at += int64(i) + 1
			break
		}
	}
	b.torn = b.at < size
	return b.at, nil
}

// before reads the block before at.
func (b *backwardReader) before() ([]byte, error) {
	piece := make([]byte, min(b.at, b.size))
	n, err := b.file.ReadAt(piece, b.at-int64(len(piece)))
	if n < len(piece) {
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF // somebody cut it
		}
		return nil, err
	}
	b.at -= int64(n)
	return piece, nil
}

// block returns the entries of the block before, and of the line that goes on behind it; more says that there are others before those.
func (b *backwardReader) block(skipped *int) (entries []journalEntry, more bool, err error) {
	if b.at == 0 {
		return nil, false, nil
	}
	piece, err := b.before()
	if err != nil {
		return nil, false, err
	}
	for {
		i := bytes.LastIndexByte(piece, '\n')
		if i < 0 && b.at > 0 {
			b.keep(piece)
			break
		}
		b.keep(piece[i+1:])
		switch e, ok := entryOf(b.line()); {
		case b.tooLong, !ok && b.length > 0:
			*skipped++
		case ok:
			entries = append(entries, e)
		}
		b.pieces, b.length, b.tooLong = b.pieces[:0], 0, false
		if i < 0 {
			break
		}
		piece = piece[:i]
	}
	slices.Reverse(entries)
	return entries, b.at > 0, nil
}

// keep puts a piece before what is known of its line.
func (b *backwardReader) keep(piece []byte) {
	b.length += len(piece)
	if b.tooLong = b.tooLong || b.length > maxJournalLine; b.tooLong {
		b.pieces = nil
		return
	}
	b.pieces = append(b.pieces, piece)
}

// line is the line that is kept, put together.
func (b *backwardReader) line() []byte {
	if len(b.pieces) == 1 {
		return b.pieces[0]
	}
	slices.Reverse(b.pieces)
	return bytes.Join(b.pieces, nil)
}

// history takes entries of the journal, the newest first, until it has all that were asked for.
type history struct {
	options logsOptions
	names   *naming
	entries []logEntry // the newest first
	enough  time.Time  // nothing before it is wanted; zero: not known yet
}

// take returns false once a whole block is older than what is wanted: the times of entries are not quite in order, because an event of
// the engine has the engine's.
func (h *history) take(block []journalEntry) (more bool) {
	if h.options.tail == 0 {
		return false
	}
	newest := time.Time{}
	for _, e := range slices.Backward(block) {
		entry := h.names.entry(e)
		if entry.Time.After(newest) {
			newest = entry.Time
		}
		if h.options.within(entry.Time) && h.options.keeps(entry) {
			h.entries = append(h.entries, entry)
		}
	}
	if len(block) > 0 && (newest.Before(h.options.since) || newest.Before(h.enough)) {
		return false
	}
	h.bound()
	return true
}

// bound drops what is older than the entries that were asked for, once there are enough.
func (h *history) bound() {
	n := h.options.tail
	if n == allEntries || len(h.entries) < n || !h.enough.IsZero() && len(h.entries) < 2*n {
		return
	}
	slices.SortStableFunc(h.entries, func(a, b logEntry) int { return b.Time.Compare(a.Time) })
	h.entries = h.entries[:n]
	h.enough = h.entries[n-1].Time
}
