package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// A project has one state. A shell looks for it elsewhere when its XDG_STATE_HOME is another than where `up` was typed (plain sudo takes
// that variable away), its HOME, or its user. What serves from there is found by the lock that it keeps open, so that nobody is told that
// nothing runs, and nothing that runs is taken away from under it.

// servedElsewhereError says that a project is served by a process whose state is in another folder than this shell's.
type servedElsewhereError struct {
	holder   holder
	user     string // whose process that is, where that is another
	state    string // folder of the project
	here     string
	sameUser bool   // it is this user's own, whatever the variables say
	command  string // that is about it from here
}

func (e *servedElsewhereError) Error() string {
	of := ""
	if e.user != "" {
		of = " of user " + e.user
	}
	return fmt.Sprintf("project %q is served by %s%s, which has its state in %s; here it would be in %s",
		filepath.Base(e.state), e.holder, of, e.state, e.here)
}

// Hint does the same where it is.
func (e *servedElsewhereError) Hint() string { return e.command }

// servedElsewhere finds what serves a project from another state folder than the one given; nil where nothing is found. This
// user's own comes before another's. It is only asked where nothing serves from that folder. command is the one to advise.
func (a *app) servedElsewhere(files paths, command string) *servedElsewhereError {
	project := filepath.Base(files.State)
	// The usual place is this user's own, also where root's process serves, whose files nobody else can see open.
	if home := a.home(); home != "" {
		usual := paths{State: filepath.Join(home, ".local", "state", "letta-dev", project), Owner: files.Owner}
		if free, err := usual.isFree(); usual.State != files.State && err == nil && !free {
			return a.elsewhere(files, usual.State, holderOf(usual.liveLock()), true, command)
		}
	}
	var others *servedElsewhereError
	names, _ := filepath.Glob("/proc/[0-9]*/comm") // none but on Linux
	for _, name := range names {
		program, err := os.ReadFile(name)
		pid, err2 := strconv.Atoi(filepath.Base(filepath.Dir(name)))
		if err != nil || err2 != nil || !strings.HasPrefix(string(program), "letta-dev") {
			continue
		}
		state := servedState(pid)
		if filepath.Base(state) != project || state == files.State || isFile(state, files.State) {
			continue
		}
		h := holderOf(paths{State: state}.liveLock())
		if h.PID != pid { // it only asks
			continue
		}
		other := &app{env: environmentOf(pid)}
		if found := a.elsewhere(files, state, h, other.home() == a.home(), command); found.sameUser {
			return found
		} else if others == nil {
			others = found
		}
	}
	return others
}

func (a *app) elsewhere(files paths, state string, h holder, sameUser bool, command string) *servedElsewhereError {
	e := &servedElsewhereError{holder: h, state: state, here: files.State, sameUser: sameUser, command: a.commandThere(command, state)}
	if info, err := os.Stat(state); err == nil && !ownedBy(files.uid(), info) {
		e.user = ownerOf(info)
	}
	switch {
	case e.user != "" && os.Geteuid() == 0:
		e.command = "sudo -u " + quoted(e.user) + " " + e.command
	case e.user != "" && h.PID > 0:
		e.command = h.advice()
	case files.Owner != nil: // sudo need not hand variables on
		e.command += "  # without sudo"
	}
	return e
}

// environmentOf is that of another process, as it was when that began.
func environmentOf(pid int) environment {
	environ, _ := os.ReadFile(fmt.Sprintf("/proc/%d/environ", pid)) // none where it is another user's
	return func(name string) (string, bool) {
		for kv := range strings.SplitSeq(string(environ), "\x00") {
			if value, ok := strings.CutPrefix(kv, name+"="); ok {
				return value, true
			}
		}
		return "", false
	}
}
