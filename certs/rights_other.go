//go:build !linux

package certs

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// Make has f make, change or remove what is at path, which is the owner's after it. Root does so only in a folder of the
// owner's, or in one such as /tmp, where nobody can take away what is another's.
func (o *Owner) Make(path string, f func() error) error {
	if o == nil {
		return f()
	}
	dir := filepath.Dir(path)
	info, err := os.Stat(dir)
	if err == nil && info.Mode()&fs.ModeSticky == 0 && !o.owns(dir) {
		err = &fs.PathError{Op: "write", Path: path, Err: errors.New("its folder belongs to another user")}
	}
	if err != nil {
		return err
	}
	if err := f(); err != nil {
		return err
	}
	if err := o.own(path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// as has f run as it is: only Linux has rights to files that a thread can change for itself.
func (o *Owner) as(f func() error) error { return f() }
