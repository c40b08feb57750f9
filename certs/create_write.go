package certs

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/letta-dev/letta-dev/certs/host"
)

// An output is a file that Create writes.
type output struct {
	path string
	mode fs.FileMode
	data []byte
}

// writeAll writes all of the files or none, and returns those that were there before. It first writes each next to its
// place and then renames them, because what fails (a full disk, a missing folder) fails at the writing. A process that is
// killed between the two renames leaves the new key and the old certificate.
func writeAll(files []output, opts CreateOptions) (replaced []string, err error) {
	owner, err := opts.ownerOf(files)
	if err != nil {
		return nil, err
	}
	err = owner.As(func() (err error) {
		replaced, err = writeAs(owner, files, opts)
		return err
	})
	return replaced, err
}

// ownerOf returns whose files they will be: with the rights of one user all are written.
func (o CreateOptions) ownerOf(files []output) (owner *host.Owner, err error) {
	if o.OwnerOf == nil {
		return nil, nil
	}
	for i, f := range files {
		his := o.OwnerOf(f.path)
		if i > 0 && (his == nil) != (owner == nil) {
			return nil, &host.Error{Doing: "write the certificate", Path: f.path,
				Err: fmt.Errorf("its folder is another user's than that of %q", files[0].path), Advice: "letta-dev certs create --help"}
		}
		owner = his
	}
	return owner, nil
}

func writeAs(owner *host.Owner, files []output, opts CreateOptions) (replaced []string, err error) {
	if replaced, err = replaceable(files, opts.Overwrite); err != nil {
		return nil, err
	}
	var written []host.Staged
	defer func() {
		for _, s := range written {
			err = errors.Join(err, s.Discard())
		}
	}()
	for _, f := range files {
		s, err := f.stage(owner)
		if err != nil {
			return nil, unwritable(f.path, err)
		}
		written = append(written, s)
	}
	for i, s := range written {
		if err := swap(s); err != nil {
			return nil, errors.Join(unwritable(s.Path, err), undo(written[:i]))
		}
	}
	return replaced, nil
}

func (f output) stage(owner *host.Owner) (host.Staged, error) {
	dir := filepath.Dir(f.path)
	host.SweepStaged(dir, time.Now().Add(-host.StagingLimit)) // a key may be among it
	return host.File{Name: filepath.Base(f.path), Mode: f.mode, Data: f.data}.Stage(dir, owner)
}

// swap puts the file into its place, or leaves the one there that was. That one is kept until all files are in theirs.
func swap(s host.Staged) error {
	if err := os.Link(s.Path, s.Former()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		_ = os.Rename(s.Path, s.Former()) // a file system without links; what is wrong here is wrong with the next one too
	}
	err := s.Commit()
	if err != nil {
		_ = os.Rename(s.Former(), s.Path) // does nothing if they are links to one file
	}
	return err
}

// undo puts back what was there before.
func undo(files []host.Staged) (err error) {
	for _, s := range files {
		back := os.Rename(s.Former(), s.Path)
		if errors.Is(back, fs.ErrNotExist) {
			back = os.Remove(s.Path)
		}
		err = errors.Join(err, back)
	}
	return err
}

// unwritable says why a file could not be written, and not that it was by way of a temporary one.
func unwritable(path string, err error) error {
	e := &host.Error{Doing: "write the certificate", Path: path, Err: err}
	dir := filepath.Dir(path)
	if path := (*fs.PathError)(nil); errors.As(err, &path) {
		e.Err = path.Err
	}
	if link := (*os.LinkError)(nil); errors.As(err, &link) {
		e.Err = link.Err
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		e.Err, e.Advice = fmt.Errorf("there is no folder %q", dir), "mkdir -p "+host.Quote(dir)
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EROFS):
		e.Advice = "ls -ld " + host.Quote(dir) + "  # then again in a folder you may write to, or with --cert-file and --key-file"
	}
	return e
}

// replaceable returns which of the files exist. Without overwrite that is an error, whatever is in them: a key may be the
// only one of its kind. With overwrite a symbolic link is replaced itself, not the file that it leads to. Anything that is
// neither a file nor a link always stays.
func replaceable(files []output, overwrite bool) (existing []string, err error) {
	for _, f := range files {
		if _, err := os.Stat(filepath.Dir(f.path)); err != nil {
			return nil, unwritable(f.path, err)
		}
		info, err := os.Lstat(f.path)
		refused := &host.Error{Doing: "write the certificate", Path: f.path}
		switch {
		case errors.Is(err, fs.ErrNotExist):
			continue
		case err != nil:
			return nil, unwritable(f.path, err)
		case !info.Mode().IsRegular() && info.Mode().Type() != fs.ModeSymlink:
			refused.Err, refused.Advice = fmt.Errorf("%s is in the way", host.Describe(info)), "ls -ld "+host.Quote(f.path)
			return nil, refused
		case !overwrite:
			refused.Err, refused.Advice = fmt.Errorf("it exists already: it is %s", host.Describe(info)), "the same command with --overwrite"
			return nil, refused
		}
		existing = append(existing, f.path)
	}
	return existing, nil
}

// reserved refuses what would have an authority lose a file of its own, or hold one of somebody else's: then nothing
// removes it any more. Links in the folders above change nothing; a link in the place of the file itself is what is replaced.
func (a *Authority) reserved(files []output) error {
	for _, f := range files {
		e := &host.Error{Doing: "write the certificate", Path: f.path, Advice: "letta-dev certs create --help"}
		if base := strings.ToLower(filepath.Base(f.path)); (base == strings.ToLower(rootFile) || base == strings.ToLower(rootKeyFile)) && host.Exists(f.path) {
			e.Err = errors.New("a file of this name is the root of an authority, or its key, and no certificate takes its place")
			return e
		}
		for _, dir := range []string{a.dir, filepath.Join(a.dir, leavesFolder)} {
			if sameFile(filepath.Dir(f.path), dir) {
				e.Err = errors.New("that folder is the authority's own")
				return e
			}
		}
	}
	if len(files) == 2 && filepath.Base(files[0].path) == filepath.Base(files[1].path) && sameFile(filepath.Dir(files[0].path), filepath.Dir(files[1].path)) {
		return &host.Error{Doing: "write the certificate", Path: files[1].path, Err: fmt.Errorf("it is the file %q of the key, by way of a link", files[0].path),
			Advice: "the same command with --key-file " + host.Quote(files[1].path) + ", to have both in it"}
	}
	return nil
}

// sameFile tells whether two paths lead to one file or folder.
func sameFile(a, b string) bool {
	first, err := os.Stat(a)
	if err != nil {
		return false
	}
	second, err := os.Stat(b)
	return err == nil && os.SameFile(first, second)
}
