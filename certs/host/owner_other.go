//go:build !linux

package host

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// Make calls f, which makes, changes or removes the file at path. The file belongs to the owner afterwards. Root calls f
// only for a folder of the owner's, or for one with the sticky bit such as /tmp, where users cannot take away each other's files.
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
	if err := o.Chown(path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// As calls f: only on Linux can a thread change its own rights to files.
func (o *Owner) As(f func() error) error { return f() }
