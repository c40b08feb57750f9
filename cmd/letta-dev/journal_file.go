package main

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// put writes lines, and returns how many of them.
func (j *journal) put(lines []byte) int {
	all := lines
	if j.file != nil && j.removed() {
		_ = j.file.Close() // nobody reads it any more
		j.file = nil
		all = append(journalEntry{Time: j.now(), Source: "proxy", Line: "the journal before this line was removed while letta-dev ran"}.encode(), lines...)
	}
	if j.file != nil && j.size+int64(len(all)) > j.rotateAt {
		j.rotate()
	}
	if j.file == nil && j.open() != nil {
		return 0
	}
	if j.torn {
		all = append([]byte("\n"), all...)
	}
	n, _ := j.file.Write(all)
	if n > 0 {
		j.size += int64(n)
		j.torn = all[n-1] != '\n'
	}
	return bytes.Count(lines[:max(0, n-len(all)+len(lines))], []byte("\n"))
}

// removedEvery is how often the journal looks whether its file is still where it is read.
const removedEvery = time.Second

// removed says that the file, perhaps with its folder, was removed or replaced.
func (j *journal) removed() bool {
	now := j.now()
	if now.Sub(j.looked) < removedEvery {
		return false
	}
	j.looked = now
	info, err := os.Stat(j.path)
	return errors.Is(err, fs.ErrNotExist) || err == nil && !os.SameFile(info, j.info)
}

// rotate puts the journal aside. It is closed before, and nothing is written to it any more once it has its new name: a reader that
// sees a new journal knows that the old one is whole. Where it cannot be renamed (on Windows, while somebody reads it) it grows on
// for a while.
func (j *journal) rotate() {
	_ = j.file.Close() // all that was written is with the system already
	j.file = nil
	aside := predecessor(j.path)
	if j.owner.Make(aside, func() error { return os.Rename(j.path, aside) }) == nil {
		j.rotateAt = j.limit
		return
	}
	j.rotateAt = j.size + j.limit/10
}

// predecessor is where the journal is put aside.
func predecessor(path string) string { return path + ".1" }

func (j *journal) open() error {
	if err := makeFolder(filepath.Dir(j.path), j.owner); err != nil {
		return err
	}
	file, err := open(j.path, os.O_RDWR|os.O_APPEND, j.owner)
	if err != nil {
		return err
	}
	info, err := file.Stat()
	if err != nil {
		return errors.Join(err, file.Close())
	}
	j.file, j.info, j.looked, j.size, j.torn = file, info, j.now(), info.Size(), false
	if last := make([]byte, 1); j.size > 0 {
		_, err := file.ReadAt(last, j.size-1)
		j.torn = err != nil || last[0] != '\n'
	}
	return nil
}
