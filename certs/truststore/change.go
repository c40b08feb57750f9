package truststore

import (
	"context"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/letta-dev/letta-dev/certs"
	"github.com/letta-dev/letta-dev/certs/host"
)

// reading makes a command read the root: the very bytes that were verified, whatever has become of the file meanwhile.
func reading(r certs.Root, c host.Command) host.Command {
	c.Stdin, c.Input = r.Path, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: r.Certificate.Raw}))
	return c
}

// A RightsError is a change that needs rights this process may not get: root's, or the consent of a person who is not
// there.
type RightsError struct {
	Store    string
	Commands []host.Command // all it takes, in order
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

// finishLimit is the time that a command has to be done with a store when this process is to end.
const finishLimit = 10 * time.Second

// perform does with a store what its Commands say, in order until one fails. If one needs rights that nobody will give,
// none is begun; what has begun is finished, also when ctx ends, within a time. Should this process be killed, the
// commands go on, and the next that looks at the store waits for them.
func perform(ctx context.Context, s Store, env host.Env, action Action, root certs.Root) error {
	lock, err := turn(ctx, s)
	if err != nil {
		return err
	}
	defer lock.Close() // nothing was written
	commands, err := s.Commands(ctx, action, root)
	if err != nil {
		return err
	}
	_, sudo := env.Find("sudo")
	if slices.ContainsFunc(commands, needsRoot) && !(env.Elevate && sudo) || slices.ContainsFunc(commands, asks) && !env.Attended {
		return &RightsError{Store: s.Name(), Commands: commands}
	}
	for _, c := range commands {
		if _, err := env.UnderSudo(c); err != nil {
			return withoutSudo(action, err)
		}
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	ctx, cancel := outlasting(ctx, finishLimit)
	defer cancel()
	for _, c := range commands {
		c.Lock = lock
		if c.NeedsRoot {
			c.Terminal, c.Limit = true, host.SudoLimit
		}
		if _, err := env.Do(ctx, c); err != nil {
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

func needsRoot(c host.Command) bool { return c.NeedsRoot }

func asks(c host.Command) bool { return c.Asks }

// explained adds to what commands say of places that nobody can write to; LC_ALL=C makes them say it in these words.
func explained(s Store, action Action, err error) error {
	var failed *host.CommandError
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
			return &host.Error{Doing: "change the " + s.Name() + " store", Err: fmt.Errorf("%s: %w", reason.why, err), Advice: advice}
		}
	}
	return err
}

// withoutSudo has what was not allowed tried with the user's rights, which are enough where the file is the user's too.
func withoutSudo(action Action, err error) error {
	if refused := (*host.Error)(nil); errors.As(err, &refused) {
		refused.Advice = fmt.Sprintf("letta-dev certs %s  # without sudo", action)
	}
	return err
}
