package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os/exec"
	"strings"

	"github.com/spf13/cobra"

	"github.com/letta-dev/letta-dev/certs/clientenv"
)

func newRun(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "run -- COMMAND [ARG]...",
		Short: "Run a program with the variables of env",
		Long: `run starts a program with the variables that env prints, so that it trusts our certificates and finds the server. It becomes that
program: signals, the terminal and the exit code are the program's own. Flags after COMMAND are COMMAND's. Where COMMAND cannot be run the
exit code is 126, where it cannot be found 127.`,
		Example: `  letta-dev run -- python agent.py
  letta-dev run -- npm start
  letta-dev run -- bash                    # a shell with the variables`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usagef("letta-dev run -- python agent.py", "run needs a command")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error { return a.runProgram(cmd.Context(), args) },
	}
	cmd.Flags().SetInterspersed(false)
	return cmd
}

func (a *app) runProgram(ctx context.Context, argv []string) error {
	path, err := exec.LookPath(argv[0])
	if err != nil {
		return newProgramError(argv[0], err)
	}
	vars, err := a.variables(ctx)
	if err != nil {
		return err
	}
	a.ui.close()
	return newProgramError(argv[0], become(path, argv, setVariables(a.environ(), vars)))
}

// setVariables is an environment in which variables have new values.
func setVariables(environ []string, vars []clientenv.Variable) []string {
	var out []string
	for _, kv := range environ {
		name, _, _ := strings.Cut(kv, "=")
		replaced := false
		for _, v := range vars {
			replaced = replaced || v.Name == name
		}
		if !replaced {
			out = append(out, kv)
		}
	}
	for _, v := range vars {
		out = append(out, v.Name+"="+v.Value)
	}
	return out
}

// absentProgramError and brokenProgramError are what shells end with 127 and 126 for.
type absentProgramError struct{ name string }

func (e *absentProgramError) Error() string { return fmt.Sprintf("there is no program %q", e.name) }

// Hint looks for it.
func (e *absentProgramError) Hint() string {
	return "command -v " + quoted(e.name) + "  # then: letta-dev run -- PATH"
}

type brokenProgramError struct {
	name string
	err  error
}

func (e *brokenProgramError) Error() string { return fmt.Sprintf("running %q: %v", e.name, e.err) }
func (e *brokenProgramError) Unwrap() error { return e.err }

// Hint shows what it is.
func (e *brokenProgramError) Hint() string { return "ls -ld " + quoted(e.name) }

// newProgramError sorts what can be wrong with a program that was named.
func newProgramError(name string, err error) error {
	var ended *exec.ExitError
	switch {
	case err == nil || errors.As(err, &ended):
		return err
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, exec.ErrNotFound):
		return &absentProgramError{name}
	}
	return &brokenProgramError{name, err}
}
