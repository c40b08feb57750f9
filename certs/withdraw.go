package certs

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Withdraw takes every root of this package out of the files that [Variables] has made in dir: programs that were given
// them go on to accept what they accepted before us, and us no more. An absent folder is no error; the error is an
// [*Error] of reading or writing there.
func Withdraw(dir string, owner *Owner) error {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return &Error{Doing: "take our root out of the combined roots", Path: dir, Err: err, Advice: "rm -r " + quote(dir)}
	}
	files := combined{dir: dir, owner: owner}
	var all error
	for _, entry := range entries {
		if name := entry.Name(); strings.HasPrefix(name, "roots-") && filepath.Ext(name) == ".pem" {
			all = errors.Join(all, files.withdraw(name))
		}
	}
	return all
}

// withdraw makes a bundle, and the trust store beside it if there is one, anew without us.
func (c combined) withdraw(name string) error {
	data, err := readBounded(filepath.Join(c.dir, name), maxRoots)
	if err != nil {
		return &Error{Doing: "take our root out of the combined roots", Path: filepath.Join(c.dir, name), Err: err, Advice: "rm -r " + quote(c.dir)}
	}
	o, ok := recordedOrigin(data)
	if !ok {
		return nil // somebody else's
	}
	left := append([]byte(o.line()), mergeRoots(Root{}, certificateBlocks(data))...)
	if _, err := c.keep(name, 0o644, left); err != nil {
		return err
	}
	beside := strings.TrimSuffix(name, ".pem") + ".p12"
	if !exists(filepath.Join(c.dir, beside)) {
		return nil
	}
	store, err := encodeTrustStore(left)
	if err != nil {
		return err
	}
	_, err = c.keep(beside, 0o644, store)
	return err
}
