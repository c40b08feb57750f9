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
)

// file is one file to be written.
type file struct {
	name  string
	mode  fs.FileMode
	data  []byte
	cheap bool // made anew if it is lost: not worth the wait for the disk
}

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
	temp, err := os.MkdirTemp(parent, remains(dir)) // mode 0700
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

// maxFile bounds what is read into memory of a file that is in the place of one of ours.
const maxFile = 64 << 10

// readFile returns the content of a file of ours, which is no link and nothing that could make us wait.
func readFile(path string) ([]byte, error) {
	info, err := os.Lstat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Size() > maxFile {
		return nil, unusable(path, fmt.Errorf("it is %s, which is nothing of ours", standing(info)))
	}
	return os.ReadFile(path)
}

// readPrivate does the same for a file with a key in it, which must be its owner's alone.
func readPrivate(path string) ([]byte, error) {
	info, err := os.Lstat(path)
	if err != nil {
		return nil, err
	}
	if err := checkPrivate(path, info); info.Mode().IsRegular() && err != nil {
		return nil, err
	}
	return readFile(path)
}

// standing says what stands in the way of a file or folder of ours.
func standing(info fs.FileInfo) string {
	switch {
	case info.Mode()&fs.ModeSymlink != 0:
		return "a symbolic link"
	case info.IsDir():
		return "a folder"
	case info.Mode().IsRegular():
		return fmt.Sprintf("a file of %d bytes", info.Size())
	}
	return "a device, a pipe or a socket"
}

// create writes a file that does not exist yet, down to the disk.
func (f file) create(dir string, owner *Owner) error {
	path := filepath.Join(dir, f.name)
	out, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, f.mode)
	if err != nil {
		return err
	}
	_, err = out.Write(f.data)
	if !f.cheap {
		err = errors.Join(err, out.Sync())
	}
	if err := errors.Join(err, out.Chmod(f.mode), out.Close()); err != nil { // Chmod: the umask has taken bits away
		return err
	}
	return owner.own(path)
}

// replacing is how the folders begin in which files wait for their names.
const replacing = ".new-"

// sweepReplaced removes those that processes have left in dir which died before a time. Others may be at work.
func sweepReplaced(dir string, before time.Time) {
	entries, _ := os.ReadDir(dir)
	for _, entry := range entries {
		if info, err := entry.Info(); err == nil && strings.HasPrefix(entry.Name(), replacing) && info.ModTime().Before(before) {
			_ = os.RemoveAll(filepath.Join(dir, entry.Name())) // what stays is met again next time
		}
	}
}

// replace writes a file by way of a temporary one, so that readers see the old content or the new.
func (f file) replace(dir string, owner *Owner) error {
	temp, err := os.MkdirTemp(dir, replacing)
	if err != nil {
		return err
	}
	defer os.RemoveAll(temp)
	if err := f.create(temp, owner); err != nil {
		return err
	}
	return os.Rename(filepath.Join(temp, f.name), filepath.Join(dir, f.name))
}

// removeFolder takes dir away in one step, then deletes what it held.
func removeFolder(dir string) error {
	temp, err := os.MkdirTemp(filepath.Dir(dir), remains(dir))
	if err != nil {
		return err
	}
	err = os.Rename(dir, filepath.Join(temp, "authority"))
	return errors.Join(err, os.RemoveAll(temp))
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
		return owner.own(dir)
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
