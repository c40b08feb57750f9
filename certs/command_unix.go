//go:build unix

package certs

import (
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
)

// confine puts the command into a session of its own, without the terminal: what would ask for a password there fails
// at once. Its whole process group is ended with it. One that is meant to ask keeps the terminal. It is sudo, which passes
// on to its child a signal that it can catch; killed, it would leave the child at work as root. What changes a shared store
// outlives this process, because half a change is worse.
func confine(cmd *exec.Cmd, c Command) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: !c.Terminal}
	if c.turn == nil && !c.Terminal {
		endsWithUs(cmd.SysProcAttr)
	}
	if c.As != nil {
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: uint32(c.As.UID), Gid: uint32(c.As.GID)}
	}
	cmd.Cancel = func() error {
		if c.Terminal {
			return cmd.Process.Signal(syscall.SIGTERM)
		}
		return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
	}
}

// rootsAlone refuses a path that another than root could have lead elsewhere: one with a folder or a link in it, or at the
// end of a link, that is another's or that others may write to. A folder with the sticky bit lets them replace nothing
// that is not theirs.
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

// followed looks at what a link leads to. The folders above the link are root's alone, so nobody moves them meanwhile.
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
