package orchestrator

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"time"

	"github.com/letta-dev/letta-dev/crash"
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

// askRun asks the server in a container until it answers by one of its routes, which then is the one that is dialled, and then keeps
// asking until the run ends.
func (f *Follower) askRun(r *running) {
	defer crash.Recover()
	tick := time.NewTicker(probeEvery)
	defer tick.Stop()
	var wrong streak
	for n := 1; ; n++ {
		err := f.probe(r, n%otherEvery == 0)
		if err == nil {
			break
		}
		if a := (*AnswerError)(nil); wrong.lasts(isForeign(err), wrongRun) && errors.As(err, &a) {
			_, c := f.lastSeen(r)
			f.unhealthy(r.ctx, time.Time(wrong), &NotLettaError{Container: c.Name, Err: a})
		}
		select {
		case <-tick.C:
		case <-r.ctx.Done():
			return
		}
		if n%lookEvery == 0 {
			f.glance(r.ctx)
		}
	}
	n := 0
	f.keepAsking(r.ctx, func(limit time.Duration) error {
		n++
		return f.question(r, limit, n%execEvery == 0)
	})
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

// glance looks at the container where that takes no long wait: an engine that does not answer leaves it as it was.
func (f *Follower) glance(ctx context.Context) {
	if !f.looking.TryLock() {
		return // somebody looks already
	}
	defer f.looking.Unlock()
	ctx, cancel := context.WithTimeout(ctx, lookTime)
	defer cancel()
	_ = f.lookLocked(ctx)
}

// probe asks a server that starts by its cheapest route, or by all. It fails with what the last of them failed with.
func (f *Follower) probe(r *running, all bool) error {
	info, c := f.lastSeen(r)
	if err := hindrance(c); err != nil {
		return err
	}
	ways := routes(f.engine, info, c)
	if !all {
		ways = ways[:1]
	}
	err := errNoRoute
	for i, w := range ways {
		var a answer
		if a, err = tryRoute(r.ctx, w, c, probeTime); err != nil {
			continue
		}
		// It may have become ready between two questions: the routes before this one are cheaper for every request to come.
		if cheaper, ok := firstAnswer(r.ctx, ways[:i], c); ok {
			a = cheaper
		}
		f.ready(r.ctx, a)
		return nil
	}
	return err
}

// question asks a server that was ready: by the route that answered last, and where that one fails by the others.
func (f *Follower) question(r *running, limit time.Duration, exec bool) error {
	ctx, drop := context.WithCancel(r.ctx)
	defer drop()
	f.mu.Lock()
	r.drop = drop
	info, c, last := r.engine, r.seen, f.state.Route
	known := f.state.Phase == PhaseUnhealthy
	f.mu.Unlock()
	err := f.askRoutes(ctx, info, c, last, limit, exec, known)
	if err != nil && ctx.Err() != nil {
		return errMoved
	}
	if err != nil { // the engine may know why, and may not have told
		f.glance(r.ctx)
	}
	return err
}

func (f *Follower) askRoutes(ctx context.Context, info EngineInfo, c Container, last string, limit time.Duration, exec, known bool) error {
	if err := hindrance(c); err != nil {
		return err
	}
	ways := routes(f.engine, info, c)
	i := slices.IndexFunc(ways, func(w route) bool { return w.name == last })
	why := errNoRoute
	if i >= 0 {
		a, err := tryRoute(ctx, ways[i], c, limit)
		if err == nil {
			f.ready(ctx, a)
			if cheaper, ok := firstAnswer(ctx, ways[:i], c); ok {
				f.ready(ctx, cheaper)
			}
			return nil
		}
		why = err
	}
	if isTimeout(why) && !known { // the server has been reached, and had its time
		return &UnansweredError{c.Name, askLimit, why}
	}
	others := slices.DeleteFunc(slices.Clone(ways), func(w route) bool { return w.name == last || w.name == execName && !exec })
	if a, ok := firstAnswer(ctx, others, c); ok {
		f.ready(ctx, a)
		return nil
	}
	return &UnansweredError{c.Name, askLimit, why}
}

func (f *Follower) lastSeen(r *running) (EngineInfo, Container) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return r.engine, r.seen
}

// firstAnswer is the answer by the first of some routes that has one.
func firstAnswer(ctx context.Context, ways []route, c Container) (answer, bool) {
	for _, w := range ways {
		if a, err := tryRoute(ctx, w, c, probeTime); err == nil {
			return a, true
		}
	}
	return answer{}, false
}

func tryRoute(ctx context.Context, r route, c Container, limit time.Duration) (answer, error) {
	dial := r.dial
	if speaksTLS(c) {
		dial = overTLS(dial)
	}
	port := restPort(c)
	version, err := healthWithin(ctx, limit, func(ctx context.Context) (net.Conn, error) { return dial(ctx, port) })
	return answer{version, r.name, func(ctx context.Context, p int) (net.Conn, error) {
		switch {
		case p == port:
			return dial(ctx, p)
		case r.name == execName: // a relay connects lazily, so it cannot say whether anything listens
			return nil, errNotPublished
		}
		return r.dial(ctx, p)
	}}, err
}

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

// isForeign says whether an error is another program's answer.
func isForeign(err error) bool {
	var a *AnswerError
	return errors.As(err, &a) && a.foreign()
}
