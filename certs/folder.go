package certs

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/gofrs/flock"
)

// makeFolder makes dir with its files appear in one step: they are written and synced in a new folder next to it, which
// is then renamed. A process that dies on the way leaves that folder behind, and the next call sweeps it out; the
// caller holds the lock.
func makeFolder(dir string, files []file, opts Options) error {
	opts.step("sweep")
	if err := sweep(dir); err != nil {
		return err
	}
	opts.step("make folder")
	parent := filepath.Dir(dir)
	temp, err := makeTemp(parent, remains(dir))
	if err != nil {
		return err
	}
	if err := fill(temp, files, opts); err != nil {
		return errors.Join(err, os.RemoveAll(temp))
	}
	opts.step("make room")
	if err := os.Remove(dir); err != nil && !errors.Is(err, fs.ErrNotExist) { // an empty folder; any other stays
		return errors.Join(err, os.RemoveAll(temp))
	}
	opts.step("rename")
	if err := os.Rename(temp, dir); err != nil {
		return errors.Join(err, os.RemoveAll(temp))
	}
	opts.step("sync parent")
	return syncDir(parent)
}

func fill(dir string, files []file, opts Options) error {
	for _, f := range files {
		opts.step("write " + f.name)
		if err := f.create(dir, opts.Owner); err != nil {
			return err
		}
	}
	opts.step("own folder")
	if err := opts.Owner.own(dir); err != nil {
		return err
	}
	return syncDir(dir)
}

// removeFolder takes dir away in one step, then deletes what it held. On a disk without room for that it deletes the keys
// where they are, and then the rest.
func removeFolder(dir string) error {
	temp, err := makeTemp(filepath.Dir(dir), remains(dir))
	if err == nil {
		err = errors.Join(os.Rename(dir, filepath.Join(temp, "authority")), os.RemoveAll(temp))
	}
	if !isFull(err) {
		return err
	}
	err = nil
	for _, name := range []string{intermediateKeyFile, leavesFolder, ""} {
		err = errors.Join(err, os.RemoveAll(filepath.Join(dir, name)))
	}
	return err
}

// isFull tells whether a disk, or its user's share of it, has no room.
func isFull(err error) bool { return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) }

// makeTemp makes a folder of a name of its own with the mode 0700, whatever the umask is.
func makeTemp(dir, prefix string) (string, error) {
	temp, err := os.MkdirTemp(dir, prefix)
	if err != nil {
		return "", err
	}
	return temp, os.Chmod(temp, 0o700)
}

// remains is how the folders begin in which dir is made and unmade.
func remains(dir string) string { return "." + filepath.Base(dir) + ".tmp-" }

// sweep removes the folders of processes that died while making or removing dir.
func sweep(dir string) error {
	parent := filepath.Dir(dir)
	entries, err := os.ReadDir(parent)
	for _, entry := range entries {
		if strings.HasPrefix(entry.Name(), remains(dir)) {
			err = errors.Join(err, os.RemoveAll(filepath.Join(parent, entry.Name())))
		}
	}
	return err
}

// makeParents makes the folders above dir; new ones belong to the owner.
func makeParents(dir string, owner *Owner) error {
	parent := filepath.Dir(dir)
	if _, err := os.Stat(parent); err == nil || parent == dir {
		return err
	}
	if err := makeParents(parent, owner); err != nil {
		return err
	}
	return makeDir(parent, 0o755, owner)
}

// makeDir makes a folder for the owner; one that exists stays whose it is. A link to one is refused: under sudo it would
// have root write where its user points.
func makeDir(dir string, mode fs.FileMode, owner *Owner) error {
	err := os.Mkdir(dir, mode)
	if err == nil {
		return errors.Join(passable(dir), owner.own(dir))
	}
	info, statErr := os.Lstat(dir)
	switch {
	case statErr != nil || !errors.Is(err, fs.ErrExist):
		return err
	case !info.IsDir():
		return fmt.Errorf("%s is %s where a folder has to be", dir, standing(info))
	}
	return nil
}

// passable gives the owner of a new folder every right to it, which an odd umask has taken away, and nobody else any.
func passable(dir string) error {
	info, err := os.Lstat(dir)
	if err != nil || info.Mode().Perm()&0o700 == 0o700 {
		return err
	}
	return os.Chmod(dir, info.Mode().Perm()|0o700)
}

// isEmpty tells whether dir is absent or holds nothing.
func isEmpty(dir string) (bool, error) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return true, nil
	}
	return len(entries) == 0, err
}

func onlyOurs(dir string) error {
	entries, err := os.ReadDir(dir)
	for _, entry := range entries {
		if !slices.Contains([]string{rootFile, intermediateFile, intermediateKeyFile, carootFile, leavesFolder}, entry.Name()) {
			return fmt.Errorf("%q in it is not the authority's", entry.Name())
		}
	}
	return err
}

// lock keeps other processes from making or removing the authority in dir. The lock file stands next to dir because
// dir itself comes and goes.
func lock(dir string, owner *Owner) (unlock func(), err error) {
	path := filepath.Join(filepath.Dir(dir), "."+filepath.Base(dir)+".lock")
	refused := func(err error) error {
		return &Error{Doing: "lock the authority", Path: path, Err: err, Advice: "ls -ld " + quote(path)}
	}
	if info, err := os.Lstat(path); err == nil && !info.Mode().IsRegular() {
		return nil, refused(fmt.Errorf("it is %s, which is nothing of ours", standing(info)))
	}
	l := flock.New(path, flock.SetFlag(os.O_RDONLY|os.O_CREATE|itself)) // whatever has come to be there meanwhile
	if err := l.Lock(); err != nil {
		return nil, refused(err)
	}
	if err := errors.Join(lockable(path, l), owner.own(path)); err != nil {
		return nil, errors.Join(refused(err), l.Unlock())
	}
	return func() { _ = l.Unlock() }, nil // closing the file is what can fail, and ends the lock all the same
}

// lockable has a lock file be one that can be opened again, whatever the umask was when it was made.
func lockable(path string, l *flock.Flock) error {
	info, err := l.Stat()
	if err != nil || info.Mode().Perm() == 0o600 {
		return err
	}
	return os.Chmod(path, 0o600)
}
