package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"

	"github.com/letta-dev/letta-dev/certs"
)

// paths are where letta-dev keeps its own files: certificates in the data folder, what a running project needs in its state folder.
// Containers are not in it: their labels in the engine are the only record of them.
type paths struct {
	Certs string // the authority and the leaves, shared by all projects
	State string // of one project: lock, control socket, journal
	Home  string // of the user: what advice may have them change
}

func (a *app) paths(project string) (paths, error) {
	home := a.home()
	data, err := a.folder(home, "XDG_DATA_HOME", ".local/share")
	if err != nil {
		return paths{}, err
	}
	state, err := a.folder(home, "XDG_STATE_HOME", ".local/state")
	if err != nil {
		return paths{}, err
	}
	p := paths{Certs: filepath.Join(data, "certs"), State: filepath.Join(state, project), Home: home}
	if home := a.callerHome(); home != "" {
		p.Certs = filepath.Join(home, ".local", "share", "letta-dev", "certs")
	}
	return p, nil
}

// callerHome is the home folder of the user behind sudo; empty without sudo. The authority is theirs, wherever sudo has put HOME: else
// `sudo letta-dev certs install` would have one trusted that their own `letta-dev up` does not use.
func (a *app) callerHome() string {
	if a.env.get("SUDO_UID") == "" {
		return ""
	}
	env, err := certs.HostEnv(a.env.get)
	if err != nil || env.Owner == nil {
		return "" // what is wrong is said where the stores are looked for
	}
	return env.Home
}

// home is the user's home folder, as the environment has it.
func (a *app) home() string {
	if runtime.GOOS == "windows" {
		return a.env.get("USERPROFILE")
	}
	return a.env.get("HOME")
}

// folder is letta-dev's own below a base folder of the XDG specification, which has relative paths ignored.
func (a *app) folder(home, variable, fallback string) (string, error) {
	if base := a.env.get(variable); filepath.IsAbs(base) {
		return filepath.Join(base, "letta-dev"), nil
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
func (e *homelessError) Hint() string { return "export HOME=/path/to/your/home" }

// makeState makes the state folder, readable by its owner alone: the control socket in it stops the proxy.
func (p paths) makeState() error {
	if err := os.MkdirAll(p.State, 0o700); err != nil {
		return p.stateProblem("making letta-dev's state folder", err)
	}
	info, err := os.Stat(p.State)
	if err == nil && runtime.GOOS != "windows" && info.Mode().Perm()&0o077 != 0 {
		err = os.Chmod(p.State, 0o700)
	}
	if err != nil {
		return p.stateProblem("making letta-dev's state folder private", err)
	}
	return nil
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

// socket is the control socket: in the state folder, or, where that path is too long for a socket, in a private folder of the
// runtime directory or the temporary one. What the environment names may be as long a path.
func (p paths) socket(env environment) (string, error) {
	const name = "control.sock"
	path := filepath.Join(p.State, name)
	if len(path) <= maxSocketPath {
		return path, nil
	}
	dir, private := "", fmt.Sprintf("letta-dev-%d-%s", os.Getuid(), shortID(p.State))
	for _, base := range []string{env.get("XDG_RUNTIME_DIR"), env.get("TMPDIR"), os.TempDir(), "/tmp"} {
		dir = filepath.Join(base, private)
		if base != "" && len(filepath.Join(dir, name)) <= maxSocketPath {
			break
		}
	}
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, os.ErrExist) {
		return "", fmt.Errorf("making a folder for the control socket: %w", err)
	}
	// Everybody can make folders in the temporary one, and this one's name can be foretold.
	info, err := os.Lstat(dir)
	if err != nil {
		return "", fmt.Errorf("looking at the folder for the control socket: %w", err)
	}
	if !info.IsDir() || !ownedByUs(info) || runtime.GOOS != "windows" && info.Mode().Perm() != 0o700 {
		return "", &strangeFolderError{dir}
	}
	return filepath.Join(dir, name), nil
}

// strangeFolderError says that somebody else made the folder of the control socket, which stops the proxy.
type strangeFolderError struct{ dir string }

func (e *strangeFolderError) Error() string {
	return fmt.Sprintf("the folder for the control socket, %s, is not a private one of yours", e.dir)
}

// Hint names a folder that is.
func (e *strangeFolderError) Hint() string {
	return "ls -ld " + e.dir + "  # then remove it, or set XDG_RUNTIME_DIR to a folder of your own"
}
