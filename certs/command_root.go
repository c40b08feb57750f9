package certs

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
)

// allowed returns the command as it may be run behind sudo. As root that is only one that nobody but root can have put
// there: what lies in the user's home, such as the keytool of SDKMAN, may be the work of any program of the user's. It is
// then the very file that was looked at, and what it starts or reads by itself comes from no folder of the user's either.
// What runs as the user is left as it is, and so is all where there is no sudo.
func (e Env) allowed(c Command) (Command, error) {
	if e.Owner == nil || c.As != nil {
		return c, nil
	}
	program := c.Argv[0]
	if found, ok := e.find(program); ok {
		program = found
	}
	if err := rootsAlone(program); err != nil {
		return c, &Error{Doing: "run " + c.Argv[0] + " as root", Err: err, Advice: "letta-dev certs status  # without sudo"}
	}
	dirs := slices.DeleteFunc(filepath.SplitList(e.Vars["PATH"]), func(dir string) bool { return rootsAlone(dir) != nil })
	c.Argv = append([]string{program}, c.Argv[1:]...)
	c.Env = append(c.Env, "HOME=/", "PATH="+strings.Join(dirs, string(filepath.ListSeparator))) // of two the last one counts
	return c, nil
}

// withoutSudo has what was not allowed tried with the user's rights, which are enough where the file is the user's too.
func withoutSudo(action Action, err error) error {
	if refused := (*Error)(nil); errors.As(err, &refused) {
		refused.Advice = fmt.Sprintf("letta-dev certs %s  # without sudo", action)
	}
	return err
}
