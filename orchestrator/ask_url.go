package orchestrator

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"time"

	"github.com/letta-dev/letta-dev/crash"
)

// followURL asks a server started by hand again and again: nothing tells of its starts and ends.
func (f *Follower) followURL(ctx context.Context) {
	defer crash.Recover()
	u := f.target.URL
	rest := func(ctx context.Context) (net.Conn, error) { return dialURL(ctx, u) }
	dial := func(ctx context.Context, port int) (net.Conn, error) {
		if port != RESTPort {
			return nil, errNotPublished
		}
		return rest(ctx)
	}
	f.mu.Lock()
	f.dial = dial
	f.mu.Unlock()
	if f.target.Unchecked {
		f.ready(ctx, answer{"", u.Host, dial})
		return
	}
	ask := func(limit time.Duration) error {
		version, err := healthWithin(ctx, limit, rest)
		if err == nil {
			f.ready(ctx, answer{version, u.Host, dial})
		}
		return err
	}
	for f.awaitURL(ctx, ask) {
		f.keepAsking(ctx, func(limit time.Duration) error {
			err := ask(limit)
			if errors.As(err, new(*unreachedError)) || isForeign(err) {
				return errGone
			}
			return noAnswer(u, err)
		})
	}
}

// awaitURL asks until a server answers, or ctx ends.
func (f *Follower) awaitURL(ctx context.Context, ask func(time.Duration) error) bool {
	tick := time.NewTicker(probeEvery)
	defer tick.Stop()
	var wrong streak
	for {
		err := ask(probeTime)
		switch {
		case ctx.Err() != nil:
			return false
		case err == nil:
			return true
		case isTimeout(err):
			f.unhealthy(ctx, time.Now().Add(-probeTime), noAnswer(f.target.URL, err))
			f.report(Event{Kind: Waiting, Text: fmt.Sprintf("%s, which takes connections and does not answer", f.target.URL)})
		default:
			f.absent(err, wrong.lasts(isForeign(err), wrongTime))
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
		}
	}
}

// absent says that no Letta server is at the URL, and whether another program is.
func (f *Follower) absent(err error, other bool) {
	why := noAnswer(f.target.URL, err)
	if a := (*AnswerError)(nil); other && errors.As(err, &a) {
		why = &NotLettaError{URL: f.target.URL.String(), Err: a}
	}
	if s, _ := f.State(); s.Phase == PhaseDown && s.Err.Error() == why.Error() {
		return
	}
	f.set(func(s *State) { s.Phase, s.Err = PhaseDown, why })
	f.report(Event{Kind: Waiting, Text: fmt.Sprintf("%s: %v", f.target.URL, errors.Unwrap(why))})
}

func noAnswer(u *url.URL, err error) error {
	if err == nil {
		return nil
	}
	var op *net.OpError
	if errors.As(err, &op) && op.Op != "dial" {
		err = op.Err // without the port of this side, which is another each time
	}
	return &NoAnswerError{URL: u.String(), Err: err}
}
