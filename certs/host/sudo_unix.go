//go:build unix

package host

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// rootsAlone returns an error for a path that somebody other than root could redirect: one with an element, or behind a
// symbolic link an element, that does not belong to root or that others may write to. A folder with the sticky bit is
// accepted, because others can replace nothing in it that is not their own.
func rootsAlone(path string) error {
	const mostLinks = 40 // as Linux
	return rootsAloneBy(path, mostLinks)
}

func rootsAloneBy(path string, links int) error {
	if !filepath.IsAbs(path) || links == 0 {
		return &fs.PathError{Op: "follow", Path: path, Err: syscall.ELOOP}
	}
	if parent := filepath.Dir(path); parent != path {
		if err := rootsAloneBy(parent, links); err != nil {
			return err
		}
	}
	info, err := os.Lstat(path)
	if err != nil {
		return err
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	mode := info.Mode()
	switch {
	case !ok || stat.Uid != 0:
		return fmt.Errorf("%s does not belong to root", path)
	case mode&fs.ModeSymlink != 0:
		return followed(path, links)
	case mode.Perm()&0o022 != 0 && mode&fs.ModeSticky == 0:
		return fmt.Errorf("%s may be changed by others than root", path)
	}
	return nil
}

// followed checks the target of a link. The folders above the link are root's alone, so nobody else can move them
// meanwhile.
func followed(link string, links int) error {
	target, err := os.Readlink(link)
	if err != nil {
		return err
	}
	if !filepath.IsAbs(target) {
		dir, err := filepath.EvalSymlinks(filepath.Dir(link))
		if err != nil {
			return err
		}
		target = filepath.Join(dir, target)
	}
	return rootsAloneBy(target, links-1)
}
