package host

import (
	"errors"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// UnderSudo returns c as it may run when this process was called by sudo. As root only a program runs that root alone can
// have installed: a file in the user's home, such as SDKMAN's keytool, can have been written by any program of the user.
// The returned command names the very file that was checked, and its HOME and PATH hold no folder of the user either.
// A command that runs as the user is returned unchanged, and so is every command where no sudo is involved.
func (e Env) UnderSudo(c Command) (Command, error) {
	if e.Owner == nil || c.As != nil {
		return c, nil
	}
	program := c.Argv[0]
	if found, ok := e.Find(program); ok {
		program = found
	}
	if err := rootsAlone(program); err != nil {
		return c, &Error{Doing: "run " + c.Argv[0] + " as root", Err: err, Advice: "letta-dev certs status  # without sudo"}
	}
	dirs := slices.DeleteFunc(filepath.SplitList(e.Vars["PATH"]), func(dir string) bool { return rootsAlone(dir) != nil })
	c.Argv = append([]string{program}, c.Argv[1:]...)
	c.Env = append(c.Env, "HOME=/", "PATH="+strings.Join(dirs, string(filepath.ListSeparator))) // of two values the last one counts
	return c, nil
}

// Callers are the variables in which sudo, pkexec and doas say whose command it is that they run as root. That of doas is a
// name, the others are user IDs (sudo(8), pkexec(1), doas(1)).
func Callers() []string { return []string{"SUDO_UID", "PKEXEC_UID", "DOAS_USER"} }

// sudoCaller returns the user who called sudo, pkexec or doas, or nil if this process is not root or root called it.
func sudoCaller(getenv func(string) string) (*Owner, *user.User, error) {
	if os.Geteuid() != 0 {
		return nil, nil, nil
	}
	for _, variable := range Callers() {
		who := getenv(variable)
		if who == "" || who == "0" || who == "root" {
			continue
		}
		find := user.LookupId
		if variable == "DOAS_USER" {
			find = user.Lookup
		}
		caller, err := find(who)
		if err != nil {
			return nil, nil, &Error{Doing: "find the user behind sudo", Err: err, Advice: "env -u " + variable + " letta-dev certs install"}
		}
		uid, err := strconv.Atoi(caller.Uid)
		gid, err2 := strconv.Atoi(caller.Gid)
		return &Owner{UID: uid, GID: gid}, caller, errors.Join(err, err2)
	}
	return nil, nil, nil
}
