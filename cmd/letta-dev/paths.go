package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"

	"github.com/letta-dev/letta-dev/certs/host"
)

// paths are where letta-dev keeps its own files: certificates in the data folder, what a running project needs in its state folder.
// Containers are not in it: their labels in the engine are the only record of them.
type paths struct {
	Certs string // the authority and the leaves, shared by all projects
	State string // of one project: lock, control socket, journal
	Home  string // of the user: what advice may have them change

	Owner *host.Owner `json:",omitempty"` // the user behind sudo, whose all of these are; else nil
}

func (a *app) paths(project string) (paths, error) {
	a.tellRelative()
	data, err := a.folder("XDG_DATA_HOME", ".local/share")
	if err != nil {
		return paths{}, err
	}
	state, err := a.folder("XDG_STATE_HOME", ".local/state")
	if err != nil {
		return paths{}, err
	}
	a.debugFolder("XDG_DATA_HOME", data)
	a.debugFolder("XDG_STATE_HOME", state)
	return paths{Certs: filepath.Join(data, "certs"), State: filepath.Join(state, project), Home: a.home(), Owner: a.caller().Owner}, nil
}

// caller is the machine of the user behind sudo; zero without sudo. All files are theirs, wherever sudo has put HOME: else
// `sudo letta-dev certs install` would have an authority trusted that their own `letta-dev up` does not use, and their `letta-dev down`
// would not find what `sudo letta-dev up` started.
func (a *app) caller() host.Env {
	if !slices.ContainsFunc(host.Callers(), func(variable string) bool { return a.env.get(variable) != "" }) {
		return host.Env{}
	}
	env, err := host.Detect(a.env.get)
	if err != nil || env.Owner == nil {
		return host.Env{} // what is wrong is said where the stores are looked for
	}
	return env
}

// home is the user's home folder: that of the user behind sudo, else as the environment has it.
func (a *app) home() string {
	if caller := a.caller(); caller.Owner != nil {
		return caller.Home
	}
	if runtime.GOOS == "windows" {
		return a.env.get("USERPROFILE")
	}
	return a.env.get("HOME")
}

// tellRelative says once which of the variables that name base folders are ignored.
func (a *app) tellRelative() {
	if a.ui == nil || a.toldRelative {
		return
	}
	a.toldRelative = true
	for _, name := range []string{"XDG_DATA_HOME", "XDG_STATE_HOME", "XDG_CONFIG_HOME"} {
		if base := a.env.get(name); base != "" && !filepath.IsAbs(base) {
			a.ui.warn("%s is ignored, as the XDG specification has it: %q is no absolute path", name, base)
		}
	}
}

// folder is letta-dev's own below a base folder of the XDG specification, which has relative paths ignored. Under sudo one that is not
// the user's is root's.
func (a *app) folder(variable, fallback string) (string, error) {
	home, caller := a.home(), a.caller()
	if base := a.env.get(variable); filepath.IsAbs(base) {
		if dir := filepath.Join(base, "letta-dev"); caller.Owner == nil || caller.OwnerOf(dir) != nil {
			return dir, nil
		}
	}
	if !filepath.IsAbs(home) {
		return "", &homelessError{variable}
	}
	return filepath.Join(home, filepath.FromSlash(fallback), "letta-dev"), nil
}

// homelessError says that there is nowhere to keep files.
type homelessError struct{ variable string }

func (e *homelessError) Error() string {
	return fmt.Sprintf("finding a place for letta-dev's files: neither HOME nor %s is an absolute path", e.variable)
}

// Hint gives it one.
func (e *homelessError) Hint() string { return homeHint }

const homeHint = "export HOME=/path/to/your/home"

// makeState makes the state folder, readable by its owner alone: the control socket in it stops the proxy.
func (p paths) makeState() error {
	if err := makeFolder(p.State, p.Owner); err != nil {
		return p.stateProblem("making letta-dev's state folder", err)
	}
	info, err := os.Stat(p.State)
	if err == nil && runtime.GOOS != "windows" && info.Mode().Perm()&0o077 != 0 {
		err = p.Owner.Make(p.State, func() error { return os.Chmod(p.State, 0o700) })
	}
	if err != nil {
		return p.stateProblem("making letta-dev's state folder private", err)
	}
	return nil
}

// makeFolder makes a folder, and those above it, for their owner (nil: this process's user).
func makeFolder(dir string, owner *host.Owner) error {
	if owner == nil {
		return os.MkdirAll(dir, 0o700)
	}
	if _, err := os.Lstat(dir); !errors.Is(err, fs.ErrNotExist) {
		return err // what stands there may be no folder, which its use will say
	}
	if err := makeFolder(filepath.Dir(dir), owner); err != nil {
		return err
	}
	err := owner.Make(dir, func() error { return os.Mkdir(dir, 0o700) })
	if errors.Is(err, fs.ErrExist) { // another process was faster
		return nil
	}
	return err
}

// open opens a file of ours for writing, and makes it for its owner (nil: this process's user). A link in its place is an error.
func open(path string, flag int, owner *host.Owner) (file *os.File, err error) {
	err = owner.Make(path, func() (err error) {
		file, err = os.OpenFile(path, os.O_CREATE|flag|itself, 0o600)
		return err
	})
	return file, err
}

// roots are the public roots and ours in one file, for programs with roots of their own.
func (p paths) roots() string { return filepath.Join(filepath.Dir(p.Certs), "roots") }

func (p paths) journal() string   { return filepath.Join(p.State, "journal.jsonl") }
func (p paths) lastStart() string { return filepath.Join(p.State, "start.json") }
func (p paths) output() string    { return filepath.Join(p.State, "output.log") }
func (p paths) planLock() string  { return filepath.Join(p.State, "plan.lock") }
func (p paths) liveLock() string  { return filepath.Join(p.State, "live.lock") }

// maxSocketPath is the room of sockaddr_un.sun_path: 108 bytes with the final NUL on Linux, 104 on the BSDs and macOS.
const maxSocketPath = 103

// socket is the control socket: in the state folder, or, where that path is too long for a socket, in a private folder of /tmp: what
// TMPDIR and XDG_RUNTIME_DIR name differs between shells, and under sudo.
func (p paths) socket() string {
	const name = "control.sock"
	path := filepath.Join(p.State, name)
	if len(path) <= maxSocketPath {
		return path
	}
	base := "/tmp"
	if runtime.GOOS == "windows" {
		base = os.TempDir()
	}
	return filepath.Join(base, fmt.Sprintf("letta-dev-%d-%s", p.uid(), shortID(p.State)), name)
}

// makeSocketFolder makes the folder of a socket that is not in the state folder. Only a process that serves needs one: to ask makes nothing.
func (p paths) makeSocketFolder() error {
	dir := filepath.Dir(p.socket())
	if dir == p.State {
		return nil
	}
	err := p.Owner.Make(dir, func() error { return os.Mkdir(dir, 0o700) })
	if err != nil && !errors.Is(err, os.ErrExist) {
		return fmt.Errorf("making a folder for the control socket: %w", err)
	}
	return p.checkSocketFolder()
}

// checkSocketFolder refuses a folder that another user made: everybody can make folders in the temporary one, and this one's name can be
// foretold.
func (p paths) checkSocketFolder() error {
	dir := filepath.Dir(p.socket())
	if dir == p.State {
		return nil
	}
	info, err := os.Lstat(dir)
	if err != nil {
		return fmt.Errorf("looking at the folder for the control socket: %w", err)
	}
	if !info.IsDir() || !ownedBy(p.uid(), info) || runtime.GOOS != "windows" && info.Mode().Perm() != 0o700 {
		return &strangeFolderError{dir}
	}
	return nil
}

// uid is the user whose files these are; -1 on Windows.
func (p paths) uid() int {
	if p.Owner != nil {
		return p.Owner.UID
	}
	return os.Getuid()
}

// strangeFolderError says that somebody else made the folder of the control socket, which stops the proxy.
type strangeFolderError struct{ dir string }

func (e *strangeFolderError) Error() string {
	return fmt.Sprintf("the folder for the control socket, %s, is not a private one of yours", e.dir)
}

// Hint names a folder that is.
func (e *strangeFolderError) Hint() string {
	return "ls -ld " + e.dir + "  # then remove it, or set XDG_STATE_HOME to a folder of yours with a shorter path"
}
