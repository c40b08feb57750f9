package host

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/gofrs/flock"
)

// MakeTemp makes a new folder with a unique name and the mode 0700, whatever the umask is.
func MakeTemp(dir, prefix string) (string, error) {
	temp, err := os.MkdirTemp(dir, prefix)
	if err != nil {
		return "", err
	}
	return temp, os.Chmod(temp, 0o700)
}

// MakeParents makes the missing folders above dir; they belong to owner.
func MakeParents(dir string, owner *Owner) error {
	parent := filepath.Dir(dir)
	if _, err := os.Stat(parent); err == nil || parent == dir {
		return err
	}
	if err := MakeParents(parent, owner); err != nil {
		return err
	}
	return MakeDir(parent, 0o755, owner)
}

// MakeDir makes a folder that belongs to owner; an existing folder keeps its owner. A symbolic link to a folder is refused:
// under sudo it would make root write where the user points.
func MakeDir(dir string, mode fs.FileMode, owner *Owner) error {
	err := os.Mkdir(dir, mode)
	if err == nil {
		return errors.Join(OpenToOwner(dir), owner.Chown(dir))
	}
	info, statErr := os.Lstat(dir)
	switch {
	case statErr != nil || !errors.Is(err, fs.ErrExist):
		return err
	case !info.IsDir():
		return fmt.Errorf("%s is %s where a folder has to be", dir, Describe(info))
	}
	return nil
}

// OpenToOwner restores the rights of a folder's owner to it, which an unusual umask has taken away. It adds no rights for
// anybody else.
func OpenToOwner(dir string) error {
	info, err := os.Lstat(dir)
	if err != nil || info.Mode().Perm()&0o700 == 0o700 {
		return err
	}
	return os.Chmod(dir, info.Mode().Perm()|0o700)
}

// LockBeside waits for the lock that processes hold while they make, change or remove dir, which its errors call what. The lock file lies next to dir,
// not in it, because dir itself is created and removed. It stays on disk and belongs to owner.
func LockBeside(dir, what string, owner *Owner) (unlock func(), err error) {
	path := filepath.Join(filepath.Dir(dir), "."+filepath.Base(dir)+".lock")
	refused := func(err error) error {
		return &Error{Doing: "lock " + what, Path: path, Err: err, Advice: "ls -ld " + Quote(path)}
	}
	if info, err := os.Lstat(path); err == nil && !info.Mode().IsRegular() {
		return nil, refused(fmt.Errorf("it is %s, which is nothing of ours", Describe(info)))
	}
	l := flock.New(path, flock.SetFlag(os.O_RDONLY|os.O_CREATE|itself)) // whatever another process has put there meanwhile
	if err := l.Lock(); err != nil {
		return nil, refused(err)
	}
	if err := errors.Join(lockable(path, l), owner.Chown(path)); err != nil {
		return nil, errors.Join(refused(err), l.Unlock())
	}
	return func() { _ = l.Unlock() }, nil // only closing the file can fail, and that ends the lock all the same
}

// lockable gives a lock file the mode 0600, so that it can be opened again whatever the umask was when it was made.
func lockable(path string, l *flock.Flock) error {
	info, err := l.Stat()
	if err != nil || info.Mode().Perm() == 0o600 {
		return err
	}
	return os.Chmod(path, 0o600)
}
