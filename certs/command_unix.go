//go:build unix

package certs

import (
	"os/exec"
	"syscall"
)

// confine puts the command into a session of its own, without the terminal: what would ask for a password there fails
// at once. Its whole process group is ended with it. One that is meant to ask keeps the terminal.
func confine(cmd *exec.Cmd, c Command) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: !c.Terminal}
	if c.As != nil {
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: uint32(c.As.UID), Gid: uint32(c.As.GID)}
	}
	if !c.Terminal {
		cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	}
}
