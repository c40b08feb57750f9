package certs

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

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
	if err := os.Remove(dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return errors.Join(moveInto(dir, temp, files, opts), os.RemoveAll(temp)) // the folder holds what is not ours
	}
	opts.step("rename")
	if err := os.Rename(temp, dir); err != nil {
		return errors.Join(err, os.RemoveAll(temp))
	}
	opts.step("sync parent")
	return syncDir(parent)
}

// moveInto puts the files into a folder that has to stay, the first of them last: as long as that is in temp alone, the
// authority is half made.
func moveInto(dir, temp string, files []file, opts Options) error {
	for _, f := range slices.Backward(files) {
		opts.step("move " + f.name)
		if err := os.Rename(filepath.Join(temp, f.name), filepath.Join(dir, f.name)); err != nil {
			return errors.Join(err, removeOurs(dir))
		}
	}
	return syncDir(dir)
}

// halfMade tells whether a process is in, or died in, moveInto.
func halfMade(dir string) bool {
	waits := func(entry fs.DirEntry) bool {
		for _, name := range []string{rootFile, carootFile} {
			if exists(filepath.Join(filepath.Dir(dir), entry.Name(), name)) && !exists(filepath.Join(dir, name)) {
				return strings.HasPrefix(entry.Name(), remains(dir))
			}
		}
		return false
	}
	entries, _ := os.ReadDir(filepath.Dir(dir))
	return exists(dir) && slices.ContainsFunc(entries, waits)
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

// removeFolder takes dir away in one step, then deletes what it held. Where that cannot be, on a full disk or in a folder
// of another's, it deletes the files where they are.
func removeFolder(dir string) error {
	temp, err := makeTemp(filepath.Dir(dir), remains(dir))
	if err == nil {
		moved := os.Rename(dir, filepath.Join(temp, "authority"))
		err = errors.Join(moved, os.RemoveAll(temp))
		if moved == nil {
			return err
		}
	}
	return removeOurs(dir)
}

// removeOurs deletes the files of an authority where they are, the keys first, and the folders if that leaves them empty.
func removeOurs(dir string) error {
	err := removeFile(filepath.Join(dir, intermediateKeyFile))
	leaves := filepath.Join(dir, leavesFolder)
	if info, statErr := os.Lstat(leaves); statErr == nil && info.IsDir() {
		_ = passable(leaves)
		sweepStaged(leaves, time.Now())
		entries, readErr := os.ReadDir(leaves)
		err = errors.Join(err, readErr)
		for _, entry := range entries {
			if isLeaf(entry) {
				err = errors.Join(err, removeFile(filepath.Join(leaves, entry.Name())))
			}
		}
		_ = os.Remove(leaves) // unless there is more in it
	}
	for _, name := range []string{intermediateFile, carootFile, rootFile} {
		err = errors.Join(err, removeFile(filepath.Join(dir, name)))
	}
	if err == nil {
		_ = os.Remove(dir)
	}
	return err
}

// removeFile deletes a regular file; anything else in its place is not ours.
func removeFile(path string) error {
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist), err == nil && !info.Mode().IsRegular():
		return nil
	case err != nil:
		return err
	}
	return os.Remove(path)
}

// isLeaf tells whether an entry of the folder of leaves may be the file of one.
func isLeaf(entry fs.DirEntry) bool {
	return entry.Type().IsRegular() && filepath.Ext(entry.Name()) == ".pem"
}

// others names what in an authority's folder is not ours. What cannot be listed counts as ours: it cannot be deleted either.
func others(dir string) []string {
	var found []string
	entries, _ := os.ReadDir(dir)
	for _, entry := range entries {
		switch name := entry.Name(); {
		case name == leavesFolder && entry.IsDir():
			leaves, _ := os.ReadDir(filepath.Join(dir, name))
			for _, leaf := range leaves {
				if staged := leaf.IsDir() && strings.HasPrefix(leaf.Name(), staging); !isLeaf(leaf) && !staged {
					found = append(found, filepath.Join(name, leaf.Name()))
				}
			}
		case !slices.Contains(authorityFiles(), name) || !entry.Type().IsRegular():
			found = append(found, name)
		}
	}
	return found
}

func authorityFiles() []string {
	return []string{rootFile, intermediateFile, intermediateKeyFile, carootFile}
}

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

// isEmpty tells whether dir is absent or holds nothing of an authority.
func isEmpty(dir string) (bool, error) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return true, nil
	}
	ours := func(entry fs.DirEntry) bool { return slices.Contains(authorityFiles(), entry.Name()) }
	return !slices.ContainsFunc(entries, ours), err
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
