package certs

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/letta-dev/letta-dev/certs/host"
)

// combined is the folder of the files that are made for clients with roots of their own. A file is named after its
// origin, so each origin has one, however many variables lead to it.
type combined struct {
	dir   string
	root  Root
	owner *host.Owner
}

// name is unique to the origin and always the same.
func (o origin) name(prefix, suffix string) string {
	sum := sha256.Sum256([]byte(strings.Join(o, "\x00")))
	return prefix + hex.EncodeToString(sum[:8]) + suffix
}

// keep writes a file if it is not as it should be. Programs may be reading it, so it is replaced in one step; of
// processes that do so at once the last one wins, and they agree.
func (c combined) keep(name string, mode fs.FileMode, data []byte) (string, error) {
	path := filepath.Join(c.dir, name)
	if c.kept(path, mode, data) {
		return path, nil
	}
	err := c.write(host.File{Name: name, Mode: mode, Data: data, Cheap: true})
	if err != nil {
		return "", &host.Error{Doing: "write the combined roots", Path: path, Err: err, Advice: "ls -ld " + host.Quote(c.dir)}
	}
	return path, nil
}

func (c combined) kept(path string, mode fs.FileMode, data []byte) bool {
	info, err := os.Lstat(path)
	if err != nil || !info.Mode().IsRegular() || info.Mode().Perm()&^mode != 0 || info.Size() != int64(len(data)) {
		return false
	}
	have, err := host.ReadBounded(path, int64(len(data)))
	return err == nil && bytes.Equal(have, data)
}

func (c combined) write(f host.File) error {
	if err := host.MakeParents(c.dir, c.owner); err != nil {
		return err
	}
	if err := host.MakeDir(c.dir, 0o755, c.owner); err != nil {
		return err
	}
	unlock, err := host.LockBeside(c.dir, c.owner)
	if err != nil {
		return err
	}
	defer unlock()
	host.SweepStaged(c.dir, time.Now()) // whoever has staged there has died: we hold the lock
	return f.Replace(c.dir, c.owner)
}
