package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
)

// stateError says that the state folder of a project cannot be used, as a read-only home folder cannot, or one that root made.
type stateError struct {
	doing string
	path  string // below the state folder; what is in its way may be above it
	home  string // of the user: what is outside of it is not theirs to change
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
	return &stateError{doing: doing, path: path, home: p.Home, err: err}
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
	theirs := runtime.GOOS != "windows" && info != nil && e.home != "" && strings.HasPrefix(path, e.home+string(filepath.Separator))
	switch {
	case isNoFolder(e.err) && info != nil && !info.IsDir():
		return fmt.Sprintf("mv %s %s  # it is a file, where a folder has to be", quoted(path), quoted(path+".old"))
	case !errors.Is(e.err, fs.ErrPermission) || !theirs:
		return elsewhere
	case ownedByUs(info):
		return "chmod u+rwX " + quoted(path)
	}
	return fmt.Sprintf(`sudo chown -R "$(id -un)" %s  # it belongs to another user`, quoted(path))
}

// dataError says that there is no place for our certificates.
type dataError struct{ error }

// dataProblem gives advice where the folder of the certificates can never be written to.
func dataProblem(err error) error {
	if errors.Is(err, syscall.EROFS) || isNoFolder(err) {
		return &dataError{err}
	}
	return err
}

func (e *dataError) Unwrap() error { return e.error }

// Hint names the variable that has them kept elsewhere.
func (e *dataError) Hint() string {
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
