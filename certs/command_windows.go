package certs

import "os/exec"

// confine has nothing to do: certutil asks in a window.
func confine(*exec.Cmd, Command) {}

// rootsAlone has nobody to ask about: there is no user behind sudo.
func rootsAlone(string) error { return nil }
