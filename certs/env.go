package certs

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
)

// An Env is the machine as the trust stores see it. Tests make their own; [HostEnv] describes this one.
type Env struct {
	GOOS     string                       // as runtime.GOOS
	Root     string                       // where the system's files begin: "/" but in tests
	Home     string                       // of the user whose browsers are meant
	Vars     map[string]string            // PATH, XDG_DATA_HOME, XDG_CONFIG_HOME, JAVA_HOME, those of WSL
	UID      int                          // of this process; 0 has every right, -1 on Windows
	Owner    *Owner                       // the user behind sudo, whom the files in Home belong to; else nil
	Holder   string                       // user@host, for Options
	Elevate  bool                         // commands that need root may run sudo, which may ask for a password
	Attended bool                         // someone is there to answer what a window asks
	Browsers bool                         // proofs may start a browser, which takes a second or two
	Waits    func(dir string)             // is told of a wait for another process that changes the store there; may be nil
	LookPath func(string) (string, error) // finds a command; nil means nothing is installed
	Run      Runner
}

// HostEnv describes this machine and the user this process works for: under sudo, the one who called it. The process's
// variables come from getenv, such as [os.Getenv]. Elevate, Attended and Browsers are false: they are for the caller to
// say, who knows whether someone sits at a terminal.
func HostEnv(getenv func(string) string) (Env, error) {
	env := Env{GOOS: runtime.GOOS, Root: "/", UID: os.Geteuid(), Vars: map[string]string{}, Run: run}
	for _, name := range []string{"PATH", "XDG_DATA_HOME", "XDG_CONFIG_HOME", "JAVA_HOME", "WSL_DISTRO_NAME", "WSL_INTEROP"} {
		if value := getenv(name); value != "" {
			env.Vars[name] = value
		}
	}
	env.LookPath = lookPath(env.Vars["PATH"])
	host, _ := os.Hostname() // only part of a label
	owner, caller, err := sudoCaller(getenv)
	if err != nil {
		return Env{}, err
	}
	if owner != nil {
		delete(env.Vars, "XDG_DATA_HOME") // root's, if sudo let them through
		delete(env.Vars, "XDG_CONFIG_HOME")
		env.Owner, env.Home, env.Holder = owner, caller.HomeDir, caller.Username+"@"+host
		return env, nil
	}
	home := getenv("HOME")
	if runtime.GOOS == "windows" {
		home = getenv("USERPROFILE")
	}
	if !filepath.IsAbs(home) {
		return Env{}, &Error{Doing: "find your home folder", Err: fmt.Errorf("HOME is %q, which is no absolute path", home), Advice: "export HOME=/path/to/your/home"}
	}
	env.Home, env.Holder = home, host
	if u, err := user.Current(); err == nil {
		env.Holder = u.Username + "@" + host
	}
	return env, nil
}

// OwnerOf returns whom a file at path shall belong to: the user behind sudo if it lies in their home or in another folder
// of theirs, else nil.
func (e Env) OwnerOf(path string) *Owner {
	rel, err := filepath.Rel(e.Home, path)
	if e.Owner == nil || (err != nil || !filepath.IsLocal(rel)) && !e.Owner.owns(filepath.Dir(path)) {
		return nil
	}
	return e.Owner
}

// sudoCaller returns the user behind sudo, or nil if this is not root called by another.
func sudoCaller(getenv func(string) string) (*Owner, *user.User, error) {
	id := getenv("SUDO_UID")
	if os.Geteuid() != 0 || id == "" || id == "0" {
		return nil, nil, nil
	}
	caller, err := user.LookupId(id)
	if err != nil {
		return nil, nil, &Error{Doing: "find the user behind sudo", Err: err, Advice: "env -u SUDO_UID letta-dev certs install"}
	}
	uid, err := strconv.Atoi(caller.Uid)
	gid, err2 := strconv.Atoi(caller.Gid)
	return &Owner{UID: uid, GID: gid}, caller, errors.Join(err, err2)
}

// lookPath finds commands in the folders of a PATH, and the tools of the administrator, which are not in an ordinary
// user's on Debian. Relative folders are passed over, as by package os/exec.
func lookPath(path string) func(name string) (string, error) {
	dirs := append(filepath.SplitList(path), "/usr/sbin", "/sbin", "/usr/local/sbin")
	return func(name string) (string, error) {
		if filepath.Base(name) != name {
			return exec.LookPath(name)
		}
		for _, dir := range dirs {
			if found, err := exec.LookPath(filepath.Join(dir, name)); err == nil && filepath.IsAbs(dir) {
				return found, nil
			}
		}
		return "", &exec.Error{Name: name, Err: exec.ErrNotFound}
	}
}

// path returns where a file of the system is.
func (e Env) path(elem ...string) string { return filepath.Join(append([]string{e.Root}, elem...)...) }

// home returns where a file of the user is.
func (e Env) home(elem ...string) string { return filepath.Join(append([]string{e.Home}, elem...)...) }

// xdg returns a base folder of the XDG specification, which wants relative values ignored.
func (e Env) xdg(name string, fallback ...string) string {
	if dir := e.Vars[name]; filepath.IsAbs(dir) {
		return dir
	}
	return e.home(fallback...)
}

// find returns the path of an installed command.
func (e Env) find(name string) (string, bool) {
	if e.LookPath == nil {
		return "", false
	}
	path, err := e.LookPath(name)
	return path, err == nil
}

// lacksRoot tells whether this process needs help to change what belongs to root.
func (e Env) lacksRoot() bool { return e.UID > 0 }

// scratch makes a folder of the user's who runs a client, with a file in it for that unless the name is empty.
func (e Env) scratch(name string, content []byte) (dir string, err error) {
	err = e.Owner.as(func() error {
		if dir, err = makeTemp("", "letta-dev-"); err != nil || name == "" {
			return err
		}
		return os.WriteFile(filepath.Join(dir, name), content, 0o644)
	})
	return dir, err
}

// exists tells whether there is something at path.
func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// quote writes a word as a shell reads it.
func quote(word string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-_./:=,+@%", r)
	}
	if word != "" && strings.IndexFunc(word, func(r rune) bool { return !plain(r) }) < 0 {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}
