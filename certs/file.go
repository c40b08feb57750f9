package certs

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// file is one file to be written.
type file struct {
	name  string
	mode  fs.FileMode
	data  []byte
	cheap bool // made anew if it is lost: not worth the wait for the disk
}

// Owner is the user that files belong to when the process runs with other rights, under sudo.
type Owner struct{ UID, GID int }

// own gives path itself, not what it may link to, to the owner.
func (o *Owner) own(path string) error {
	if o == nil {
		return nil
	}
	return os.Lchown(path, o.UID, o.GID)
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
	return readBounded(path, maxFile)
}

// readBounded returns the content of a regular file of at most limit bytes. It never waits: what is opened is what is
// looked at, and a pipe without a writer opens too, to be refused. The errors are [*fs.PathError]s.
func readBounded(path string, limit int64) ([]byte, error) {
	data, _, err := readOpened(path, limit)
	return data, err
}

// readOpened returns what was known of the file when it was opened, too.
func readOpened(path string, limit int64) ([]byte, fs.FileInfo, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, nil, err
	}
	refuse := func(reason string) ([]byte, fs.FileInfo, error) {
		return nil, nil, &fs.PathError{Op: "read", Path: path, Err: errors.New(reason)}
	}
	switch {
	case info.IsDir():
		return refuse("it is a folder")
	case !info.Mode().IsRegular():
		return refuse("it is a pipe or a device, not a file that could be read again")
	}
	_ = f.SetReadDeadline(time.Now().Add(time.Second))  // /proc/kmsg calls itself a regular file; those that are take none
	data, err := io.ReadAll(io.LimitReader(f, limit+1)) // its size may be wrong: in /proc it is zero
	if err == nil && int64(len(data)) > limit {
		return refuse(fmt.Sprintf("it is larger than %d KiB", limit>>10))
	}
	return data, info, err
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

// staging is how the folders begin in which files wait for their names. They may be in anybody's folder.
const staging = ".letta-dev-new-"

// A staged file is written whole, but not in its place yet.
type staged struct{ path, temp string }

func (s staged) content() string { return filepath.Join(s.temp, "new") }
func (s staged) former() string  { return filepath.Join(s.temp, "former") } // where Create keeps what was in its place

// stage writes a file next to its place.
func (f file) stage(dir string, owner *Owner) (staged, error) {
	temp, err := makeTemp(dir, staging)
	if err != nil {
		return staged{}, err
	}
	s := staged{path: filepath.Join(dir, f.name), temp: temp}
	f.name = filepath.Base(s.content())
	if err := f.create(temp, owner); err != nil {
		return staged{}, errors.Join(err, s.discard())
	}
	return s, nil
}

// commit puts the file into its place, in one step.
func (s staged) commit() error { return os.Rename(s.content(), s.path) }

// discard removes what is left of the staging.
func (s staged) discard() error { return os.RemoveAll(s.temp) }

// replace writes a file by way of a staged one, so that readers see the old content or the new.
func (f file) replace(dir string, owner *Owner) error {
	s, err := f.stage(dir, owner)
	if err != nil {
		return err
	}
	defer s.discard() // what stays is swept another time
	return s.commit()
}

// othersMayTake is how long a process may be at its staging before it counts as dead.
const othersMayTake = time.Hour

// sweepStaged removes what processes have staged in dir that died before a time. It goes nowhere else, whatever the names
// in dir are made to be, and leaves alone what holds more than a staging does.
func sweepStaged(dir string, before time.Time) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return
	}
	defer root.Close()
	entries, _ := os.ReadDir(dir)
	for _, entry := range entries {
		info, err := entry.Info()
		if err != nil || !info.IsDir() || !strings.HasPrefix(entry.Name(), staging) || !info.ModTime().Before(before) {
			continue
		}
		s := staged{temp: entry.Name()}
		for _, path := range []string{s.content(), s.former(), s.temp} {
			_ = root.Remove(path) // what stays is met again next time
		}
	}
}
