package host

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

// Limits of what is read into memory, in bytes.
const (
	MaxPEM   = 1 << 20  // a certificate with its chain and key: long chains with all their text have some 50 KiB
	MaxRoots = 16 << 20 // a file of trusted roots: the public ones are a quarter of a megabyte
)

// ReadBounded returns the content of a regular file of at most limit bytes. It never blocks: it checks the file that it
// has opened, and it opens a pipe without a writer too, to refuse it. Errors are of type [*fs.PathError].
func ReadBounded(path string, limit int64) ([]byte, error) {
	data, _, err := ReadOpened(path, limit)
	return data, err
}

// ReadOpened is like [ReadBounded], and also returns the state of the file when it was opened.
func ReadOpened(path string, limit int64) ([]byte, fs.FileInfo, error) {
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
	_ = f.SetReadDeadline(time.Now().Add(time.Second))  // for /proc/kmsg, which calls itself a regular file; real ones take no deadline
	data, err := io.ReadAll(io.LimitReader(f, limit+1)) // the size may be wrong: in /proc it is zero
	if err == nil && int64(len(data)) > limit {
		return refuse(fmt.Sprintf("it is larger than %d KiB", limit>>10))
	}
	return data, info, err
}

// Exists reports whether path exists, following symbolic links.
func Exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// Describe says what kind of file info is, as part of a sentence: "a folder", "a file of 12 bytes".
func Describe(info fs.FileInfo) string {
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

// RemoveFile deletes a regular file. It leaves anything else at path alone, which is not an error.
func RemoveFile(path string) error {
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist), err == nil && !info.Mode().IsRegular():
		return nil
	case err != nil:
		return err
	}
	return os.Remove(path)
}

// A File is a file to be written.
type File struct {
	Name  string
	Mode  fs.FileMode
	Data  []byte
	Cheap bool // it can be made again if it is lost: do not wait for the disk
}

// Create writes a file into dir, which must not hold it yet, and syncs it to the disk.
func (f File) Create(dir string, owner *Owner) error {
	path := filepath.Join(dir, f.Name)
	out, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, f.Mode)
	if err != nil {
		return err
	}
	_, err = out.Write(f.Data)
	if !f.Cheap {
		err = errors.Join(err, out.Sync())
	}
	if err := errors.Join(err, out.Chmod(f.Mode), out.Close()); err != nil { // Chmod, because the umask has taken bits away
		return err
	}
	return owner.Chown(path)
}

// StagingPrefix begins the names of the folders in which staged files wait. They may lie in any folder of the user.
const StagingPrefix = ".letta-dev-new-"

// A Staged file is completely written, but not in its place yet.
type Staged struct {
	Path string // its place
	Temp string // the temporary folder
}

func (s Staged) content() string { return filepath.Join(s.Temp, "new") }

// Former returns where the file that was in its place before can be kept.
func (s Staged) Former() string { return filepath.Join(s.Temp, "former") }

// Stage writes a file to a temporary folder next to its place in dir.
func (f File) Stage(dir string, owner *Owner) (Staged, error) {
	temp, err := MakeTemp(dir, StagingPrefix)
	if err != nil {
		return Staged{}, err
	}
	s := Staged{Path: filepath.Join(dir, f.Name), Temp: temp}
	f.Name = filepath.Base(s.content())
	if err := f.Create(temp, owner); err != nil {
		return Staged{}, errors.Join(err, s.Discard())
	}
	return s, nil
}

// Commit moves the file into its place, by one rename.
func (s Staged) Commit() error { return os.Rename(s.content(), s.Path) }

// Discard removes the temporary folder and what is still in it.
func (s Staged) Discard() error { return os.RemoveAll(s.Temp) }

// Replace writes a file by way of a staged one, so that readers see either the old content or the new.
func (f File) Replace(dir string, owner *Owner) error {
	s, err := f.Stage(dir, owner)
	if err != nil {
		return err
	}
	defer s.Discard() // SweepStaged removes later what stays now
	return s.Commit()
}

// StagingLimit is the time after which a process that staged a file counts as dead.
const StagingLimit = time.Hour

// SweepStaged removes from dir what processes staged that died before the given time. It never leaves dir, whatever the
// entries in it link to, and it keeps folders that hold anything else than staged files.
func SweepStaged(dir string, before time.Time) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return
	}
	defer root.Close()
	entries, _ := os.ReadDir(dir)
	for _, entry := range entries {
		info, err := entry.Info()
		if err != nil || !info.IsDir() || !strings.HasPrefix(entry.Name(), StagingPrefix) || !info.ModTime().Before(before) {
			continue
		}
		s := Staged{Temp: entry.Name()}
		for _, path := range []string{s.content(), s.Former(), s.Temp} {
			_ = root.Remove(path) // the next call meets again what stays
		}
	}
}
