package orchestrator

import (
	"context"
	"fmt"
	"hash/maphash"
	"sync"
	"time"
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

func (f *logFollower) newTail(c Container) *logTail {
	t := &logTail{logFollower: f, container: c, more: make(chan struct{}, 1), gone: make(chan struct{})}
	t.given.seed = f.seed
	t.given.forget()
	f.tails[c.ID] = t
	return t
}
