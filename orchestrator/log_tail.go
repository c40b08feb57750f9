package orchestrator

import (
	"context"
	"fmt"
	"time"

	"github.com/letta-dev/letta-dev/crash"
)

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
