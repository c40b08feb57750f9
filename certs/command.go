package certs

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	commandLimit = time.Minute      // update-ca-certificates takes seconds
	lookLimit    = 10 * time.Second // a tool that only looks, and a client that only tries
	sudoLimit    = 5 * time.Minute  // a person types a password; sudo gives up by itself then
	outputLimit  = 10 * time.Second // children that stay behind may keep the output open so long
	turnLimit    = 30 * time.Second // for another process to be done with a store
	finishLimit  = 10 * time.Second // for a command to be done with a store when this process is to end
)

// A Command is a program that a store runs, shown to people by String.
type Command struct {
	Argv      []string
	Input     string        // what it reads; empty means nothing
	Stdin     string        // the file that Input is from, for people; empty means none
	Env       []string      // its whole environment, KEY=value
	NeedsRoot bool          // it needs root's rights, which this process has not got: it is run by sudo
	As        *Owner        // the user it runs as; nil means this process's
	Asks      bool          // it asks in a window whether it may
	Terminal  bool          // it may ask something at the terminal; others are cut off from it
	Stderr    bool          // what it writes to its standard error is returned too
	Limit     time.Duration // after which it is ended

	turn *os.File // the lock of the store that it changes; nil where there is none
}

// String returns the command as typed in a shell, with sudo where it takes the rights of root or of another user.
func (c Command) String() string {
	var words []string
	if c.Input != "" && c.Stdin == "" {
		words = append(words, "printf", "%s", quote(c.Input), "|")
	}
	switch {
	case c.NeedsRoot:
		words = append(words, "sudo")
	case c.As != nil:
		words = append(words, "sudo", "-u", quote("#"+strconv.Itoa(c.As.UID)))
	}
	for _, arg := range c.Argv {
		words = append(words, quote(arg))
	}
	if c.Stdin != "" {
		words = append(words, "<", quote(c.Stdin))
	}
	return strings.Join(words, " ")
}

// A Runner runs a command to its end, or to its limit, by sudo if it NeedsRoot, and returns its standard output. The
// error is a [*CommandError].
type Runner func(ctx context.Context, c Command) (stdout []byte, err error)

// A CommandError is a command that could not be run, failed, or was ended at its limit.
type CommandError struct {
	Command  Command
	Output   string // what it wrote to its standard error or, as keytool does, to its output: the end of it
	TimedOut bool   // it was ended at its limit: most often it waited for an answer nobody could give
	Err      error
}

// Error shows the command as typed, why it failed, and what it wrote to its standard error.
func (e *CommandError) Error() string {
	reason := e.Err.Error()
	if e.TimedOut {
		reason = fmt.Sprintf("no end after %s; it may have been waiting for an answer", e.Command.Limit)
	}
	if e.Output != "" {
		reason += ": " + e.Output
	}
	return fmt.Sprintf("run %s: %s", e.Command, reason)
}

// Unwrap returns what package os/exec said.
func (e *CommandError) Unwrap() error { return e.Err }

// Hint returns the command, to be tried by hand.
func (e *CommandError) Hint() string { return e.Command.String() }

// A RightsError is a change that needs rights this process may not get: root's, or the consent of a person who is not
// there.
type RightsError struct {
	Store    string
	Commands []Command // all it takes, in order
}

// Error names the store; what it takes is in Hint.
func (e *RightsError) Error() string {
	if slices.ContainsFunc(e.Commands, asks) {
		return fmt.Sprintf("changing the %s store asks in a window whether it may, and nobody is at this terminal to answer", e.Store)
	}
	return fmt.Sprintf("changing the %s store needs root rights", e.Store)
}

// Hint returns the commands as one line.
func (e *RightsError) Hint() string {
	lines := make([]string, len(e.Commands))
	for i, c := range e.Commands {
		lines[i] = c.String()
	}
	return strings.Join(lines, " && ")
}

// do runs a command of a store with the environment it needs and no more: variables such as SSL_CERT_FILE would have it
// answer for another store than the one it is asked about.
func (e Env) do(ctx context.Context, c Command) ([]byte, error) {
	c.Env = []string{"HOME=" + e.Home, "LC_ALL=C"}
	for name, value := range e.Vars {
		c.Env = append(c.Env, name+"="+value)
	}
	if c.Limit == 0 {
		c.Limit = commandLimit
	}
	c, err := e.allowed(c)
	if err != nil {
		return nil, err
	}
	return e.Run(ctx, c)
}

// A shared store is one that a command takes seconds to change, and that is not whole meanwhile.
type shared interface {
	turn(ctx context.Context) (*os.File, error) // as takeTurn
}

// turn waits until nobody changes a store. The lock, which is nil where there is none, is for the caller to close.
func turn(ctx context.Context, s Store) (*os.File, error) {
	if s, ok := s.(shared); ok {
		return s.turn(ctx)
	}
	return nil, nil
}

// perform does with a store what its Commands say, in order until one fails. If one needs rights that nobody will give,
// none is begun; what has begun is finished, also when ctx ends, within a time. Should this process be killed, the
// commands go on, and the next that looks at the store waits for them.
func perform(ctx context.Context, s Store, env Env, action Action, root Root) error {
	lock, err := turn(ctx, s)
	if err != nil {
		return err
	}
	defer lock.Close() // nothing was written
	commands, err := s.Commands(ctx, action, root)
	if err != nil {
		return err
	}
	_, sudo := env.find("sudo")
	if slices.ContainsFunc(commands, needsRoot) && !(env.Elevate && sudo) || slices.ContainsFunc(commands, asks) && !env.Attended {
		return &RightsError{Store: s.Name(), Commands: commands}
	}
	for _, c := range commands {
		if _, err := env.allowed(c); err != nil {
			return withoutSudo(action, err)
		}
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	ctx, cancel := outlasting(ctx, finishLimit)
	defer cancel()
	for _, c := range commands {
		c.turn = lock
		if c.NeedsRoot {
			c.Terminal, c.Limit = true, sudoLimit
		}
		if _, err := env.do(ctx, c); err != nil {
			return explained(s, action, err)
		}
	}
	return nil
}

// outlasting returns a context that ends a time after ctx does.
func outlasting(ctx context.Context, by time.Duration) (context.Context, context.CancelFunc) {
	longer, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() { time.AfterFunc(by, cancel) })
	return longer, func() { stop(); cancel() }
}

func needsRoot(c Command) bool { return c.NeedsRoot }

func asks(c Command) bool { return c.Asks }

// explained adds to what commands say of places that nobody can write to; LC_ALL=C makes them say it in these words.
func explained(s Store, action Action, err error) error {
	var failed *CommandError
	if !errors.As(err, &failed) {
		return err
	}
	for _, reason := range []struct{ words, why string }{
		{"Read-only file system", "its file system is read-only"},
		{"Permission denied", "it may not be written to"},
		{"Operation not permitted", "it may not be written to"},
		{"No space left on device", "its disk is full"},
	} {
		if strings.Contains(failed.Output, reason.words) {
			advice := "letta-dev run -- COMMAND  # trusts us without the store, one program at a time"
			if action == ToUninstall {
				advice = failed.Hint() // nothing stands in for a removal
			}
			return &Error{Doing: "change the " + s.Name() + " store", Err: fmt.Errorf("%s: %w", reason.why, err), Advice: advice}
		}
	}
	return err
}

// run is the Runner of this machine.
func run(ctx context.Context, c Command) ([]byte, error) {
	limited, cancel := context.WithTimeout(ctx, c.Limit)
	defer cancel()
	argv := c.Argv
	if c.NeedsRoot {
		argv = append([]string{"sudo", "--prompt=sudo password for %p, to change this machine's trust store: ", "--"}, argv...)
	}
	cmd := exec.CommandContext(limited, argv[0], argv[1:]...)
	cmd.Env = c.Env
	confine(cmd, c)
	if c.Input != "" {
		cmd.Stdin = strings.NewReader(c.Input)
	}
	if c.turn != nil { // sudo keeps it too, while it waits for its command
		cmd.ExtraFiles = []*os.File{c.turn}
	}
	runtime.LockOSThread() // see endsWithUs
	defer runtime.UnlockOSThread()
	stdout, stderr := &capture{most: maxStdout, full: cancel}, &capture{most: maxStderr, full: cancel}
	cmd.Stdout, cmd.Stderr = stdout, stderr
	if c.Stderr {
		cmd.Stderr = stdout
	}
	cmd.WaitDelay = outputLimit
	if err := cmd.Run(); err != nil {
		timedOut := errors.Is(limited.Err(), context.DeadlineExceeded) && ctx.Err() == nil
		err = cmp.Or(stdout.overflow, stderr.overflow, err)
		return stdout.data, &CommandError{Command: c, Output: cmp.Or(stderr.tail(), stdout.tail()), TimedOut: timedOut, Err: err}
	}
	return stdout.data, nil
}
