package host

import "os/exec"

// confine does nothing: on Windows certutil asks in a dialog.
func confine(*exec.Cmd, Command) {}
