package host

import (
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"runtime"
)

// An Env describes a machine and the user whose certificates are managed on it. [Detect] describes this machine; tests
// make their own.
type Env struct {
	GOOS     string                       // as runtime.GOOS
	Root     string                       // the root of the system's files: "/" except in tests
	Home     string                       // the user's home folder
	Vars     map[string]string            // PATH, XDG_DATA_HOME, XDG_CONFIG_HOME, JAVA_HOME, those of WSL
	UID      int                          // of this process; 0 has every right, -1 on Windows
	Owner    *Owner                       // the user who called sudo, to whom the files in Home belong; otherwise nil
	Holder   string                       // user@host, for certs.Options
	Elevate  bool                         // commands that need root may run sudo, which may ask for a password
	Attended bool                         // a person is present to answer a dialog
	Browsers bool                         // proofs may start a browser, which takes a second or two
	Waits    func(dir string)             // called before a wait for another process that changes the store in dir; may be nil
	LookPath func(string) (string, error) // finds a command; nil means nothing is installed
	Run      Runner
}

// Detect describes this machine and the user this process works for: under sudo, the user who called it. The process's
// variables come from getenv, such as [os.Getenv]. Elevate, Attended and Browsers are false: the caller sets them, because
// it knows whether a person sits at the terminal.
func Detect(getenv func(string) string) (Env, error) {
	env := Env{GOOS: runtime.GOOS, Root: "/", UID: os.Geteuid(), Vars: map[string]string{}, Run: Run}
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

// lookPath finds commands in the folders of a PATH and in the administrator's folders, which Debian leaves out of an
// ordinary user's PATH. It skips relative folders, as package os/exec does.
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

// InRoot returns the path of one of the system's files.
func (e Env) InRoot(elem ...string) string {
	return filepath.Join(append([]string{e.Root}, elem...)...)
}

// InHome returns the path of one of the user's files.
func (e Env) InHome(elem ...string) string {
	return filepath.Join(append([]string{e.Home}, elem...)...)
}

// XDG returns a base folder of the XDG Base Directory specification, which requires relative values to be ignored.
func (e Env) XDG(name string, fallback ...string) string {
	if dir := e.Vars[name]; filepath.IsAbs(dir) {
		return dir
	}
	return e.InHome(fallback...)
}

// Find returns the path of an installed command.
func (e Env) Find(name string) (string, bool) {
	if e.LookPath == nil {
		return "", false
	}
	path, err := e.LookPath(name)
	return path, err == nil
}

// LacksRoot reports whether this process needs sudo to change what belongs to root.
func (e Env) LacksRoot() bool { return e.UID > 0 }

// Scratch makes a temporary folder that belongs to the user. Unless name is empty, it holds one file with content.
func (e Env) Scratch(name string, content []byte) (dir string, err error) {
	err = e.Owner.As(func() error {
		if dir, err = MakeTemp("", "letta-dev-"); err != nil || name == "" {
			return err
		}
		return os.WriteFile(filepath.Join(dir, name), content, 0o644)
	})
	return dir, err
}
