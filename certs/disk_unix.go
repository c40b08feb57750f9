//go:build unix

package certs

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"
)

// itself has what is opened be what lies there: not what a link leads to, and no pipe that is waited for.
const itself = syscall.O_NOFOLLOW | syscall.O_NONBLOCK

// checkPrivate refuses a key that others than its owner may read or change.
func checkPrivate(path string, info fs.FileInfo) error {
	if mode := info.Mode().Perm(); mode&0o077 != 0 {
		return &Error{
			Doing:  "use the authority's key",
			Path:   path,
			Err:    fmt.Errorf("its mode is %04o: other users of this machine may read or change it", mode),
			Advice: "chmod 600 " + quote(path),
		}
	}
	return nil
}

// checkUnshared refuses a folder in which others than its owner could replace files.
func checkUnshared(dir string, info fs.FileInfo) error {
	if mode := info.Mode().Perm(); mode&0o022 != 0 {
		return &Error{
			Doing:  "use the authority",
			Path:   dir,
			Err:    fmt.Errorf("the folder's mode is %04o: other users of this machine may change what is in it", mode),
			Advice: "chmod 700 " + quote(dir),
		}
	}
	return nil
}

// readable is how a file or folder of this user's becomes so again, which may have become root's in a session of sudo.
func readable(path string) string {
	return fmt.Sprintf(`sudo chown -R "$(id -un)" %s && chmod -R u+rwX %s`, quote(path), quote(path))
}

// owns tells whether a folder belongs to the user.
func (o *Owner) owns(dir string) bool {
	info, err := os.Stat(dir)
	if err != nil {
		return false
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	return ok && int(stat.Uid) == o.UID
}

// syncDir makes the names in a folder durable.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
