package certs

import "os/exec"

// confine has nothing to do: certutil asks in a window.
func confine(*exec.Cmd, Command) {}
