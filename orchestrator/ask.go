package orchestrator

import (
	"context"
	"errors"
	"net"
	"time"
)

const (
	askEvery  = 5 * time.Second  // while the server answers
	askLimit  = 12 * time.Second // without an answer a server is unhealthy; one that imports for 10 s, and answers nothing meanwhile, is not
	askAgain  = time.Second      // after a question without an answer
	askRest   = time.Second      // within which an answer still counts for one who doubts
	execEvery = 5                // questions for each one by exec where that is not the server's route: it costs a process
	wrongTime = 2 * time.Second  // after which what answers at a URL in another form than Letta's is another program
	wrongRun  = 10 * time.Second // and what answers so in a container: something else may answer there while it starts
	lookTime  = 5 * time.Second  // for an engine to say how a container stands, while that is asked
)

var (
	errMoved = errors.New("the container is reached another way now")
	errGone  = errors.New("nothing listens there any more")

	errNoRoute = errors.New("nothing answers at its addresses")
)

// Ask has the server asked now, for a caller that doubts whether it still answers. It does not wait for the answer.
func (f *Follower) Ask() {
	f.mu.Lock()
	recent := time.Since(f.asked) < askRest
	f.mu.Unlock()
	if !recent {
		f.askNow()
	}
}

func (f *Follower) askNow() {
	select {
	case f.wake <- struct{}{}:
	default: // it will be
	}
}

// rest waits until the next question is due, and reports whether there is one.
func (f *Follower) rest(ctx context.Context, pause time.Duration) bool {
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-f.wake:
	case <-ctx.Done():
	}
	return ctx.Err() == nil
}

// keepAsking asks a server that has answered once, until ctx ends or the server is gone. ask asks once, within a limit, and takes the
// answer over; what it fails with is why the server is unhealthy once that has lasted.
func (f *Follower) keepAsking(ctx context.Context, ask func(limit time.Duration) error) {
	var since time.Time // of the first question without an answer; zero while it answers
	pause := askEvery
	for f.rest(ctx, pause) {
		begin, limit := time.Now(), askLimit
		if left := askLimit - begin.Sub(since); left > 0 { // so that it is unhealthy in time
			limit = max(left, probeTime)
		}
		err := ask(limit)
		f.mu.Lock()
		f.asked = time.Now()
		f.mu.Unlock()
		switch {
		case err == nil:
			since, pause = time.Time{}, askEvery
			continue
		case errors.Is(err, errGone) || ctx.Err() != nil:
			return
		case errors.Is(err, errMoved):
			continue
		}
		pause = askAgain
		if since.IsZero() {
			since = begin
		}
		if isHindrance(err) || time.Since(since) >= askLimit {
			f.unhealthy(ctx, since, err)
		}
	}
}

// unhealthy says why a server that runs does not answer, unless ctx has ended: see ready.
func (f *Follower) unhealthy(ctx context.Context, since time.Time, why error) {
	if s, _ := f.State(); s.Phase == PhaseUnhealthy && s.Err.Error() == why.Error() {
		return
	}
	f.set(func(s *State) {
		if ctx.Err() != nil {
			return
		}
		if s.Phase != PhaseUnhealthy {
			s.Since = since
		}
		s.Phase, s.Err = PhaseUnhealthy, why
	})
}

// answer is what a server said, and how it was asked.
type answer struct {
	version string
	route   string
	dial    func(context.Context, int) (net.Conn, error)
}

// ready takes over an answer, unless ctx has ended: stopRun ends it under the same lock, so a run that is over never replaces what
// came after it.
func (f *Follower) ready(ctx context.Context, a answer) {
	f.mu.Lock()
	if ctx.Err() != nil {
		f.mu.Unlock()
		return
	}
	f.dial, f.answered = a.dial, true // even on the same route: a port may be published elsewhere now
	same := f.state.Phase == PhaseReady && f.state.Version == a.version && f.state.Route == a.route
	f.mu.Unlock()
	if same {
		return
	}
	f.stage(StageReady, time.Now())
	f.set(func(s *State) {
		if ctx.Err() == nil {
			s.Phase, s.Stage, s.Err, s.Version, s.Route = PhaseReady, StageReady, nil, a.version, a.route
		}
	})
}

func (f *Follower) hasAnswered() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.answered
}

// streak is when something began that goes on; zero while it does not.
type streak time.Time

// lasts notes whether it goes on, and reports whether it has for a time.
func (s *streak) lasts(goesOn bool, limit time.Duration) bool {
	switch {
	case !goesOn:
		*s = streak{}
	case time.Time(*s).IsZero():
		*s = streak(time.Now())
	}
	return goesOn && time.Since(time.Time(*s)) >= limit
}

// isForeign says whether an error is another program's answer.
func isForeign(err error) bool {
	var a *AnswerError
	return errors.As(err, &a) && a.foreign()
}
