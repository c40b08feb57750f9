package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
)

// stateError says that the state folder of a project cannot be used, as a read-only home folder cannot, or one that root made.
type stateError struct {
	doing string
	path  string // below the state folder; what is in its way may be above it
	files paths  // what is outside of their home folder is not the user's to change
	err   error
}

// stateProblem is err, which came of doing something in the state folder. Where a full disk is the cause that says enough.
func (p paths) stateProblem(doing string, err error) error {
	if err == nil || isDiskFull(err) {
		return wrap(doing, err)
	}
	path := p.State
	var at *fs.PathError
	if errors.As(err, &at) {
		path = at.Path
	}
	return &stateError{doing: doing, path: path, files: p, err: err}
}

func wrap(doing string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", doing, err)
}

// isDiskFull says that there is no room, or none for this user.
func isDiskFull(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT)
}

// isNoFolder says that a file is where a folder of a path would be: then there is nothing below it.
func isNoFolder(err error) bool { return errors.Is(err, syscall.ENOTDIR) }

func (e *stateError) Error() string { return fmt.Sprintf("%s: %v", e.doing, e.err) }
func (e *stateError) Unwrap() error { return e.err }

// Hint makes way, where that can be done, and else names the variable that has the state kept elsewhere.
func (e *stateError) Hint() string {
	const elsewhere = "export XDG_STATE_HOME=/path/to/a/folder/of/yours  # one that you can write to"
	path, info := nearest(e.path)
	theirs := runtime.GOOS != "windows" && info != nil && e.files.Home != "" && path != e.files.Home && isIn(path, e.files.Home)
	ours := isIn(path, filepath.Dir(e.files.State)) // and may be put aside
	switch {
	case e.files.isNoHome(e.path):
		return homeHint
	case !theirs:
		return elsewhere
	case isNoFolder(e.err) && info.Mode().IsRegular() && ours:
		return fmt.Sprintf("mv -i %s %s  # it is a file, where a folder has to be", quoted(path), quoted(path+".old"))
	case errors.Is(e.err, syscall.ELOOP) && ours && info.Mode()&fs.ModeSymlink != 0:
		return fmt.Sprintf("rm %s  # it is a link, where a file has to be", quoted(path))
	case !errors.Is(e.err, fs.ErrPermission):
		return elsewhere
	case ownedBy(e.files.uid(), info):
		return "chmod u+rwX " + quoted(path)
	}
	user := `"$(id -un)"`
	if e.files.Owner != nil { // the shell may be root's
		user = strconv.Itoa(e.files.Owner.UID)
	}
	return fmt.Sprintf("sudo chown -R %s %s  # it belongs to another user", user, quoted(path))
}

// isIn says that a path is a folder, or leads to something in it.
func isIn(path, folder string) bool {
	return path == folder || strings.HasPrefix(path, folder+string(filepath.Separator))
}

// isNoHome says that a path is in a home folder that is a file, or not there.
func (p paths) isNoHome(path string) bool {
	if p.Home == "" || !isIn(path, p.Home) {
		return false
	}
	info, err := os.Stat(p.Home)
	return err != nil && (errors.Is(err, fs.ErrNotExist) || isNoFolder(err)) || err == nil && !info.IsDir()
}

// dataError says that our certificates cannot be kept where they are to be.
type dataError struct {
	error
	files paths
}

// dataProblem tells what came of the folder of the certificates from what came of what is in it.
func (p paths) dataProblem(err error) error {
	if errors.Is(err, syscall.EROFS) || isNoFolder(err) || errors.Is(err, fs.ErrPermission) {
		return &dataError{err, p}
	}
	return err
}

func (e *dataError) Unwrap() error { return e.error }

// Hint is that of the error, else names the variable that has them kept elsewhere.
func (e *dataError) Hint() string {
	var h hinter
	switch {
	case e.files.isNoHome(e.files.Certs):
		return homeHint
	case errors.As(e.error, &h) && h.Hint() != "":
		return h.Hint()
	}
	return "export XDG_DATA_HOME=/path/to/a/folder/of/yours  # one that you can write to"
}

// nearest is the path itself, or the nearest folder above it that there is. A folder that may not be looked into is where that ends.
func nearest(path string) (string, fs.FileInfo) {
	for {
		info, err := os.Lstat(path)
		if err == nil {
			return path, info
		}
		above := filepath.Dir(path)
		if above == path {
			return path, nil
		}
		path = above
	}
}
