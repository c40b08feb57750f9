//go:build unix

package host

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"
)

// itself makes open refuse symbolic links and not wait for the other end of a pipe.
const itself = syscall.O_NOFOLLOW | syscall.O_NONBLOCK

// CheckPrivate returns an error, about doing, if users other than its owner may read or change a key.
func CheckPrivate(doing, path string, info fs.FileInfo) error {
	if mode := info.Mode().Perm(); mode&0o077 != 0 {
		return &Error{
			Doing:  doing,
			Path:   path,
			Err:    fmt.Errorf("its mode is %04o: other users of this machine may read or change it", mode),
			Advice: "chmod 600 " + Quote(path),
		}
	}
	return nil
}

// CheckUnshared returns an error, about doing, if users other than its owner could replace files in a folder.
func CheckUnshared(doing, dir string, info fs.FileInfo) error {
	if mode := info.Mode().Perm(); mode&0o022 != 0 {
		return &Error{
			Doing:  doing,
			Path:   dir,
			Err:    fmt.Errorf("the folder's mode is %04o: other users of this machine may change what is in it", mode),
			Advice: "chmod 700 " + Quote(dir),
		}
	}
	return nil
}

// Reclaim returns the command that gives a file or folder back to this user, for whom it may have become unreadable in
// a session of sudo.
func Reclaim(path string) string {
	return fmt.Sprintf(`sudo chown -R "$(id -un)" %s && chmod -R u+rwX %s`, Quote(path), Quote(path))
}

// owns reports whether a folder belongs to the owner.
func (o *Owner) owns(dir string) bool {
	info, err := os.Stat(dir)
	if err != nil {
		return false
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	return ok && int(stat.Uid) == o.UID
}

// SyncDir makes the names in a folder durable.
func SyncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
