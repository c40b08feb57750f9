package orchestrator

import (
	"context"
	"fmt"
	"hash/maphash"
	"maps"
	"sync"
	"time"

	"github.com/letta-dev/letta-dev/crash"
)

// LogRequest says whose lines FollowLogs gives, and to whom.
type LogRequest struct {
	// Pick chooses the containers. Of one that appears while following, only the ID, name, image and labels are known.
	Pick func(Container) bool
	// Options hold for each container by itself. Tail must not be negative; with Follow, Until must be zero.
	Options LogOptions
	// Line takes each line. No two of the functions below are ever called at once.
	Line func(Container, LogLine)
	// Caught is called once, when all that the logs held at the beginning has been given.
	Caught func()
	// Trouble takes what is overcome without the caller, once: a log that cannot be read, an engine that went away and is
	// asked again until it is back.
	Trouble func(error)
}

// FollowLogs gives the lines of all chosen containers, those of one container in the order the engine kept them. Without Follow it
// returns when all are given. With Follow it goes on until ctx ends, and returns nil: containers that are restarted or made again
// are found by the engine's events, and each line is given exactly once whatever breaks in between. It fails when the engine cannot
// be observed at the beginning.
//
// A log is taken up again by time, the only place in it that engines let one name. How exact the stamps are, and whether a line
// stamped with the very moment is included, differs (Docker: nanoseconds, yes; Podman 4.3: seconds), and the stamps of one log are
// not always in order. So the reading begins again a little before the last line, and lines that were given already are counted off
// by stamp, stream and text. A clock that is set back around such a break defeats this: lines may come twice, or be left out by an
// engine that compares the stamp of every line.
func FollowLogs(ctx context.Context, engine Engine, r LogRequest) error {
	f := &logFollower{engine: engine, req: r, tails: map[string]*logTail{}, seed: maphash.MakeSeed()}
	if err := f.history(ctx); err != nil {
		return err
	}
	r.Caught()
	if r.Options.Follow {
		f.follow(ctx)
	}
	return nil
}

// logFollower is one call of FollowLogs.
type logFollower struct {
	engine Engine
	req    LogRequest
	seed   maphash.Seed
	end    sync.WaitGroup
	giving sync.Mutex // over the functions of req

	mu    sync.Mutex
	tails map[string]*logTail // by container ID
}

// history gives what the logs hold now.
func (f *logFollower) history(ctx context.Context) error {
	have, err := f.engine.Observe(ctx, Query{})
	if err != nil {
		return fmt.Errorf("looking for the containers whose logs are wanted: %w", err)
	}
	for _, c := range have.Containers {
		if !f.req.Pick(c) {
			continue
		}
		t := f.newTail(c)
		if err := t.read(ctx, false); err != nil && ctx.Err() == nil {
			f.trouble(err)
		}
	}
	if f.req.Options.Follow {
		return nil
	}
	return ctx.Err()
}

// follow keeps a reader on every chosen container that runs, until ctx ends.
func (f *logFollower) follow(ctx context.Context) {
	defer f.end.Wait()
	for told := false; ; told = true {
		seen, err := f.watch(ctx)
		if ctx.Err() != nil {
			return
		}
		if seen || !told {
			f.trouble(&EngineGoneError{Err: err})
		}
		select {
		case <-time.After(retryEvery):
		case <-ctx.Done():
			return
		}
	}
}

// watch follows the engine's events until they break off, and says whether the engine could be observed when they began.
func (f *logFollower) watch(ctx context.Context) (seen bool, err error) {
	watching, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	err = f.engine.Watch(watching, func() {
		if err := f.look(ctx); err != nil {
			stop(err) // what runs is not known; events alone are not enough
			return
		}
		seen = true
	}, func(h Happening) { f.happened(ctx, h) })
	if cause := context.Cause(watching); cause != nil {
		err = cause
	}
	return seen, err
}

// look wakes the readers of all chosen containers: which of them ran on, stopped or started while nobody watched is not known.
func (f *logFollower) look(ctx context.Context) error {
	have, err := f.engine.Observe(ctx, Query{})
	if err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, c := range have.Containers {
		if f.req.Pick(c) {
			f.wake(ctx, c)
		}
	}
	return nil
}

func (f *logFollower) happened(ctx context.Context, h Happening) {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch h.Action {
	case "start":
		if c := (Container{ID: h.Container, Name: h.Name, Image: h.Image, Labels: h.Labels}); f.req.Pick(c) {
			f.wake(ctx, c)
		}
	case "destroy":
		if t := f.tails[h.Container]; t != nil {
			close(t.gone)
			delete(f.tails, h.Container)
		}
	}
}

func (f *logFollower) trouble(err error) {
	f.giving.Lock()
	defer f.giving.Unlock()
	f.req.Trouble(err)
}

// wake makes sure that a container's log is read once more from where it was left. f.mu is held.
func (f *logFollower) wake(ctx context.Context, c Container) {
	t := f.tails[c.ID]
	if t == nil {
		t = f.newTail(c)
		t.begun = true // it is new: all it wrote is wanted
	}
	if !t.running {
		t.running = true
		f.end.Go(func() { t.follow(ctx) })
	}
	select {
	case t.more <- struct{}{}:
	default:
	}
}

// logTail reads the log of one container.
type logTail struct {
	*logFollower
	container Container
	running   bool          // follow has been started
	more      chan struct{} // holds one: read once more
	gone      chan struct{} // closed when the container has been removed

	begun bool // a reading has come to its end, so Tail has been obeyed
	given givenLines
}

func (f *logFollower) newTail(c Container) *logTail {
	t := &logTail{logFollower: f, container: c, more: make(chan struct{}, 1), gone: make(chan struct{})}
	t.given.seed = f.seed
	t.given.forget()
	f.tails[c.ID] = t
	return t
}

// maxRetry bounds the pause before a log that cannot be read is asked for again.
const maxRetry = 16 * time.Second

// follow reads whenever there is more, and again with growing pauses when a reading breaks. A removed container's log ends.
func (t *logTail) follow(ctx context.Context) {
	defer crash.Recover()
	pause, failures := retryEvery, 0
	var again <-chan time.Time
	for {
		select {
		case <-t.more:
		case <-again:
		case <-t.gone:
			return
		case <-ctx.Done():
			return
		}
		before := t.given.lines
		err := t.read(ctx, true)
		if t.given.lines > before || err == nil {
			again, pause, failures = nil, retryEvery, 0
		}
		if err == nil || ctx.Err() != nil {
			continue
		}
		if failures++; failures == 2 { // the first may be of a container that is just being removed
			t.trouble(err)
		}
		again, pause = time.After(pause), min(2*pause, maxRetry)
	}
}

// read gives the lines that were not given before.
func (t *logTail) read(ctx context.Context, follow bool) error {
	err := t.begin(ctx)
	if err == nil && (follow || t.req.Options.Tail == 0) {
		o := t.req.Options
		o.Follow, o.Tail = follow, 0
		err = t.replay(ctx, o, t.give)
	}
	if err != nil {
		return fmt.Errorf("reading the log of container %q: %w", t.container.Name, err)
	}
	return nil
}

// begin gives the last lines, where only those are wanted of what the log holds. Lines just before them are remembered as given:
// who asks the engine for the last lines alone does not know the line before when it comes again.
func (t *logTail) begin(ctx context.Context) error {
	n := t.req.Options.Tail
	if t.begun || n == 0 {
		return nil
	}
	var first time.Time
	o := t.req.Options
	o.Follow = false
	err := t.engine.Logs(ctx, t.container.ID, o, func(l LogLine) {
		if first.IsZero() || l.Time.Before(first) {
			first = l.Time
		}
	})
	if err != nil {
		return err
	}
	var last []LogLine
	o.Tail, o.Since = 0, later(o.Since, resumeTime(first))
	if err := t.replay(ctx, o, func(l LogLine) {
		if last = append(last, l); len(last) >= 2*n {
			last = append(last[:0], last[len(last)-n:]...)
		}
	}); err != nil {
		t.given.forget()
		return err
	}
	t.begun = true
	for _, l := range last[max(0, len(last)-n):] {
		t.give(l)
	}
	return nil
}

// replay reads the log from where it was left, and calls f for each line that is new.
func (t *logTail) replay(ctx context.Context, o LogOptions, f func(LogLine)) error {
	o.Since = later(o.Since, resumeTime(t.given.last))
	again := t.given.copy()
	return t.engine.Logs(ctx, t.container.ID, o, func(l LogLine) {
		if t.given.isNew(l, again) {
			f(l)
		}
	})
}

func (t *logTail) give(l LogLine) {
	t.giving.Lock()
	defer t.giving.Unlock()
	t.req.Line(t.container, l)
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// givenLines remembers the last lines of a log that were given: enough to know them again when the log is read anew.
type givenLines struct {
	seed     maphash.Seed
	lines    int       // all of them
	last     time.Time // stamp of the last
	bySecond map[int64]map[logKey]int
}

// logKey stands for a line; equal lines with the same stamp are counted.
type logKey struct {
	stamp  int64 // in nanoseconds
	stderr bool
	text   uint64
}

// Lines may stand up to a second later in the log than their stamps say. So the last line may be stamped a second after one that
// comes next, and an engine with stamps of whole seconds may leave out lines of the very second it is asked for: reading begins
// again two seconds before. What it may bring again besides is older by such a second, once for the last line and once for the first
// that is late enough, after which some engines give all there is.
const (
	resumeSeconds   = 2
	rememberSeconds = 4
)

// resumeTime is the time to read again from after a line with that stamp; zero for the beginning.
func resumeTime(last time.Time) time.Time {
	if last.IsZero() {
		return last
	}
	return time.Unix(last.Unix()-resumeSeconds, 0)
}

func (g *givenLines) forget() {
	g.lines, g.last, g.bySecond = 0, time.Time{}, map[int64]map[logKey]int{}
}

// copy is what a reading from resumeTime may give again; isNew counts it down.
func (g *givenLines) copy() map[logKey]int {
	m := map[logKey]int{}
	for _, second := range g.bySecond {
		maps.Copy(m, second)
	}
	return m
}

// isNew says whether a line is not one of the replayed, and remembers it.
func (g *givenLines) isNew(l LogLine, again map[logKey]int) bool {
	k := logKey{l.Time.UnixNano(), l.Stderr, maphash.String(g.seed, l.Text)}
	if again[k] > 0 {
		again[k]--
		return false
	}
	g.lines++
	if second := l.Time.Unix(); second != g.last.Unix() {
		for old := range g.bySecond {
			if old < second-rememberSeconds {
				delete(g.bySecond, old)
			}
		}
	}
	g.last = l.Time
	second := l.Time.Unix()
	if g.bySecond[second] == nil {
		g.bySecond[second] = map[logKey]int{}
	}
	g.bySecond[second][k]++
	return true
}
