package host

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"time"
)

// Limits of time for commands.
const (
	CommandLimit = time.Minute      // update-ca-certificates takes seconds
	LookLimit    = 10 * time.Second // a tool that only reads, or a client that only tries
	SudoLimit    = 5 * time.Minute  // a person types a password; sudo itself gives up after this time
	outputLimit  = 10 * time.Second // how long children that stay behind may keep the output open
	lockWait     = 30 * time.Second // for another process to finish with a store
)

// A Command is a program to run. String shows it to people.
type Command struct {
	Argv      []string
	Input     string        // its standard input; empty means none
	Stdin     string        // the file that holds Input, shown by String; empty means none
	Env       []string      // its whole environment, KEY=value
	NeedsRoot bool          // it needs root's rights, which this process lacks: sudo runs it
	As        *Owner        // the user it runs as; nil means this process's
	Asks      bool          // it asks for permission in a dialog
	Terminal  bool          // it may use the terminal; other commands are cut off from it
	Stderr    bool          // Run returns its standard error too
	Limit     time.Duration // the time after which it is killed

	Lock *os.File // the lock of what it changes, which it inherits; nil if there is none
}

// String returns the command as typed in a shell, with sudo if it needs the rights of root or of another user.
func (c Command) String() string {
	var words []string
	if c.Input != "" && c.Stdin == "" {
		words = append(words, "printf", "%s", Quote(c.Input), "|")
	}
	switch {
	case c.NeedsRoot:
		words = append(words, "sudo")
	case c.As != nil:
		words = append(words, "sudo", "-u", Quote("#"+strconv.Itoa(c.As.UID)))
	}
	for _, arg := range c.Argv {
		words = append(words, Quote(arg))
	}
	if c.Stdin != "" {
		words = append(words, "<", Quote(c.Stdin))
	}
	return strings.Join(words, " ")
}

// A Runner runs a command to its end, or to its limit, by sudo if it NeedsRoot, and returns its standard output. Its errors
// are of type [*CommandError].
type Runner func(ctx context.Context, c Command) (stdout []byte, err error)

// A CommandError reports a command that could not be run, failed, or was killed at its limit.
type CommandError struct {
	Command  Command
	Output   string // the end of its standard error or, where that is empty as with keytool, of its output
	TimedOut bool   // it was killed at its limit: most often it waited for an answer that could not come
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

// Do runs a command with the environment it needs and no more: a variable such as SSL_CERT_FILE would make it answer for
// another store than the one it is asked about. As root for another user it runs only what [Env.UnderSudo] allows.
func (e Env) Do(ctx context.Context, c Command) ([]byte, error) {
	c.Env = []string{"HOME=" + e.Home, "LC_ALL=C"}
	for name, value := range e.Vars {
		c.Env = append(c.Env, name+"="+value)
	}
	if c.Limit == 0 {
		c.Limit = CommandLimit
	}
	c, err := e.UnderSudo(c)
	if err != nil {
		return nil, err
	}
	return e.Run(ctx, c)
}

// Run is the [Runner] of this machine.
func Run(ctx context.Context, c Command) ([]byte, error) {
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
	if c.Lock != nil { // sudo keeps the lock too, while it waits for its command
		cmd.ExtraFiles = []*os.File{c.Lock}
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

// Limits of what a command may write, in bytes: far more than any listing has, so that a program gone wrong cannot fill
// memory.
const (
	maxStdout = 16 << 20
	maxStderr = 64 << 10
)

// A capture keeps what a command writes, up to a limit at which it kills the command.
type capture struct {
	most     int
	full     func() // kills the command
	data     []byte
	overflow error // set when it wrote more
}

func (c *capture) Write(p []byte) (int, error) {
	if c.overflow == nil && len(c.data)+len(p) > c.most {
		c.overflow = fmt.Errorf("it was ended, because it wrote more than %d KiB", c.most>>10)
		c.full()
	}
	if c.overflow != nil {
		return 0, c.overflow
	}
	c.data = append(c.data, p...)
	return len(p), nil
}

// tail returns the end of what was written, as much as fits into a message.
func (c *capture) tail() string {
	const most = 1000
	return strings.ToValidUTF8(string(bytes.TrimSpace(c.data[max(0, len(c.data)-most):])), "")
}
