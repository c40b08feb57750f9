//go:build unix

package certs

import (
	"os/exec"
	"syscall"
)

// confine puts the command into a session of its own, without the terminal: what would ask for a password there fails
// at once. Its whole process group is ended with it. One that is meant to ask keeps the terminal. It is sudo, which passes
// on to its child a signal that it can catch; killed, it would leave the child at work as root.
func confine(cmd *exec.Cmd, c Command) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: !c.Terminal}
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
