package orchestrator

import (
	"context"
	"errors"
	"net"
	"slices"
	"time"

	"github.com/letta-dev/letta-dev/crash"
)

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
