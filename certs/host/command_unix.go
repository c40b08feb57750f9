//go:build unix

package host

import (
	"os/exec"
	"syscall"
)

// confine starts the command in a session of its own, without the terminal, so that a program that would ask for a password
// there fails at once. Its whole process group is killed with it. A command that may use the terminal keeps it: that is
// sudo, which gets a signal that it can catch and passes on to its child; if sudo were killed, the child would go on as
// root. A command with a lock outlives this process, because half a change is worse.
func confine(cmd *exec.Cmd, c Command) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: !c.Terminal}
	if c.Lock == nil && !c.Terminal {
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
