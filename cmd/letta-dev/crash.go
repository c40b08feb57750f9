package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"time"
)

// crashed is the end of a command by a bug of ours: the stack goes to a file, and one line asks for a report. It returns the exit code.
// It takes no lock: the goroutine that panicked may hold it.
func (a *app) crashed(value any, stack []byte) int {
	e := explanation{Exit: exitFailed, Code: "bug", Message: "this is a bug in letta-dev: please report it at https://github.com/letta-dev/letta-dev/issues"}
	path, err := a.writeCrash(fmt.Sprintf("%s letta-dev %s, %s %s/%s, command %q\npanic: %v\n\n%s\n",
		time.Now().UTC().Format(time.RFC3339), version(), runtime.Version(), runtime.GOOS, runtime.GOARCH, a.command, value, stack))
	if err == nil {
		e.Message += ", with what is in " + path
	} else {
		e.Message += fmt.Sprintf(", with this, for which there was no place to keep it (%v): panic: %v\n%s", err, value, stack)
	}
	if a.command == serveCommand {
		_ = json.NewEncoder(a.stdout).Encode(handover{Failed: &e, Exit: e.Exit}) // where nobody waits for it any more, that is all right
	}
	last := &ui{app: a, out: outputOf(a.stdout), err: a.stderr, mode: progressMode(a), answered: a.ui != nil && a.ui.answered || a.command == serveCommand}
	last.fail(a.command, e)
	return e.Exit
}

// writeCrash keeps what is known of a crash where only this user can read it, and says where: in the state folder, or, where nothing
// can be written there, in the temporary one.
func (a *app) writeCrash(text string) (path string, err error) {
	file, err := a.crashFile(true)
	if err != nil {
		file, err = os.CreateTemp("", "letta-dev-crash-*.log")
	}
	if err != nil {
		return "", err
	}
	defer file.Close()
	_, err = file.WriteString(text)
	return file.Name(), err
}

// maxCrashes is the size in bytes at which the file of crashes begins anew: it keeps the last few.
const maxCrashes = 1 << 20

// crashFile opens the file to which crashes are added. Its folder is made only when there is one to tell of.
func (a *app) crashFile(folderToo bool) (*os.File, error) {
	state, err := a.folder("XDG_STATE_HOME", ".local/state")
	if err != nil {
		return nil, err
	}
	owner := a.caller().Owner
	if folderToo {
		if err := makeFolder(state, owner); err != nil {
			return nil, err
		}
	}
	path := filepath.Join(state, "crash.log")
	mode := os.O_WRONLY | os.O_APPEND
	if info, err := os.Lstat(path); err == nil && info.Size() > maxCrashes {
		mode |= os.O_TRUNC
	}
	return open(path, mode, owner)
}

// keepCrashes has the runtime write to the same file what no goroutine of ours can recover: a panic in a library's goroutine, or a
// fatal error. Where there is no state folder yet, or none can be, there is the terminal.
func (a *app) keepCrashes() {
	file, err := a.crashFile(false)
	if err != nil {
		return
	}
	_ = debug.SetCrashOutput(file, debug.CrashOptions{})
	_ = file.Close() // the runtime has a descriptor of its own
}
