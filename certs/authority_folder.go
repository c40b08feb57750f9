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

	"github.com/letta-dev/letta-dev/certs/host"
)

// makeFolder makes dir with its files appear in one step: they are written and synced in a new folder next to it, which
// is then renamed. A process that dies on the way leaves that folder behind, and the next call sweeps it out; the
// caller holds the lock.
func makeFolder(dir string, files []host.File, opts Options) error {
	opts.step("sweep")
	if err := sweep(dir); err != nil {
		return err
	}
	opts.step("make folder")
	parent := filepath.Dir(dir)
	temp, err := host.MakeTemp(parent, remains(dir))
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
	return host.SyncDir(parent)
}

// moveInto puts the files into a folder that has to stay, the first of them last: as long as that is in temp alone, the
// authority is half made.
func moveInto(dir, temp string, files []host.File, opts Options) error {
	for _, f := range slices.Backward(files) {
		opts.step("move " + f.Name)
		if err := os.Rename(filepath.Join(temp, f.Name), filepath.Join(dir, f.Name)); err != nil {
			return errors.Join(err, removeOurs(dir))
		}
	}
	return host.SyncDir(dir)
}

// halfMade tells whether a process is in, or died in, moveInto.
func halfMade(dir string) bool {
	waits := func(entry fs.DirEntry) bool {
		for _, name := range []string{rootFile, carootFile} {
			if host.Exists(filepath.Join(filepath.Dir(dir), entry.Name(), name)) && !host.Exists(filepath.Join(dir, name)) {
				return strings.HasPrefix(entry.Name(), remains(dir))
			}
		}
		return false
	}
	entries, _ := os.ReadDir(filepath.Dir(dir))
	return host.Exists(dir) && slices.ContainsFunc(entries, waits)
}

func fill(dir string, files []host.File, opts Options) error {
	for _, f := range files {
		opts.step("write " + f.Name)
		if err := f.Create(dir, opts.Owner); err != nil {
			return err
		}
	}
	opts.step("own folder")
	if err := opts.Owner.Chown(dir); err != nil {
		return err
	}
	return host.SyncDir(dir)
}

// removeFolder takes dir away in one step, then deletes what it held. Where that cannot be, on a full disk or in a folder
// of another's, it deletes the files where they are.
func removeFolder(dir string) error {
	temp, err := host.MakeTemp(filepath.Dir(dir), remains(dir))
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
	err := host.RemoveFile(filepath.Join(dir, intermediateKeyFile))
	leaves := filepath.Join(dir, leavesFolder)
	if info, statErr := os.Lstat(leaves); statErr == nil && info.IsDir() {
		_ = host.OpenToOwner(leaves)
		host.SweepStaged(leaves, time.Now())
		entries, readErr := os.ReadDir(leaves)
		err = errors.Join(err, readErr)
		for _, entry := range entries {
			if isLeaf(entry) {
				err = errors.Join(err, host.RemoveFile(filepath.Join(leaves, entry.Name())))
			}
		}
		_ = os.Remove(leaves) // unless there is more in it
	}
	for _, name := range []string{intermediateFile, carootFile, rootFile} {
		err = errors.Join(err, host.RemoveFile(filepath.Join(dir, name)))
	}
	if err == nil {
		_ = os.Remove(dir)
	}
	return err
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
				if staged := leaf.IsDir() && strings.HasPrefix(leaf.Name(), host.StagingPrefix); !isLeaf(leaf) && !staged {
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

// isEmpty tells whether dir is absent or holds nothing of an authority.
func isEmpty(dir string) (bool, error) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return true, nil
	}
	ours := func(entry fs.DirEntry) bool { return slices.Contains(authorityFiles(), entry.Name()) }
	return !slices.ContainsFunc(entries, ours), err
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
		return nil, unusable(path, fmt.Errorf("it is %s, which is nothing of ours", host.Describe(info)))
	}
	return host.ReadBounded(path, maxFile)
}

// readPrivate does the same for a file with a key in it, which must be its owner's alone.
func readPrivate(path string) ([]byte, error) {
	info, err := os.Lstat(path)
	if err != nil {
		return nil, err
	}
	if err := host.CheckPrivate("use the authority's key", path, info); info.Mode().IsRegular() && err != nil {
		return nil, err
	}
	return readFile(path)
}
