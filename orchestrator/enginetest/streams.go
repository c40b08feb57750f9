package enginetest

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"slices"

	"github.com/letta-dev/letta-dev/orchestrator"
)

// Watch calls f for what happens to containers until ctx ends or BreakStreams is called.
func (f *Fake) Watch(ctx context.Context, ready func(), h func(orchestrator.Happening)) error {
	if err := f.enter(ctx, "Watch", orchestrator.Step{}); err != nil {
		if ctx.Err() != nil {
			return nil
		}
		return err
	}
	defer context.AfterFunc(ctx, f.wake)()
	f.mu.Lock()
	defer f.mu.Unlock()
	next, breaks := len(f.events), f.breaks
	f.unlocked(ready)
	for {
		for ctx.Err() == nil && f.breaks == breaks && next == len(f.events) {
			f.changed.Wait()
		}
		switch {
		case ctx.Err() != nil:
			return nil
		case f.breaks != breaks:
			return f.broken
		}
		event := f.events[next]
		next++
		f.unlocked(func() { h(event) })
	}
}

// unlocked calls g without the lock: it may call the engine.
func (f *Fake) unlocked(g func()) {
	f.mu.Unlock()
	defer f.mu.Lock()
	g()
}

// Logs calls g for each line the container's program wrote.
func (f *Fake) Logs(ctx context.Context, name string, o orchestrator.LogOptions, g func(orchestrator.LogLine)) error {
	if err := f.enter(ctx, "Logs", orchestrator.Step{}); err != nil {
		if o.Follow && ctx.Err() != nil {
			return nil
		}
		return err
	}
	defer context.AfterFunc(ctx, f.wake)()
	f.mu.Lock()
	defer f.mu.Unlock()
	b := f.named(name)
	if b == nil {
		return fmt.Errorf("reading the log of container %q: no such container", name)
	}
	next := f.firstLine(b, o)
	for {
		for o.Follow && ctx.Err() == nil && b.Running && next == len(b.lines) {
			f.changed.Wait()
		}
		if ctx.Err() != nil || next == len(b.lines) {
			break
		}
		line := b.lines[next]
		next++
		if wanted(line, o) {
			f.unlocked(func() { g(line) })
		}
	}
	if o.Follow {
		return nil
	}
	return ctx.Err()
}

// firstLine is where o.Tail begins, counted among the lines of the time asked for.
func (f *Fake) firstLine(b *box, o orchestrator.LogOptions) int {
	switch {
	case o.Tail == 0:
		return 0
	case o.Tail < 0:
		return len(b.lines)
	}
	left := o.Tail
	for i := len(b.lines) - 1; i >= 0; i-- {
		if wanted(b.lines[i], o) {
			left--
		}
		if left == 0 {
			return i
		}
	}
	return 0
}

func wanted(l orchestrator.LogLine, o orchestrator.LogOptions) bool {
	return !l.Time.Before(o.Since) && (o.Until.IsZero() || !l.Time.After(o.Until))
}

// Exec runs the program with argv.
func (f *Fake) Exec(ctx context.Context, name string, argv []string, stdin io.Reader, stdout, stderr io.Writer) (int, error) {
	if err := f.enter(ctx, "Exec", orchestrator.Step{}); err != nil {
		return 0, err
	}
	f.mu.Lock()
	b := f.named(name)
	if b == nil || !b.Running {
		f.mu.Unlock()
		return 0, fmt.Errorf("running %q in container %q: it is not running", argv, name)
	}
	p := Process{
		Container: name, Argv: slices.Clone(argv), Env: b.copy().Env, Stdin: stdin, Stdout: stdout, Stderr: stderr, Killed: b.killed,
		Listen: func(int) (net.Listener, error) { return net.Listen("tcp", "127.0.0.1:0") },
	}
	f.mu.Unlock()
	p.Stdin = untilDone{ctx, stdin}
	if stdout == nil {
		p.Stdout = io.Discard
	}
	if stderr == nil {
		p.Stderr = io.Discard
	}
	if stdin == nil {
		p.Stdin = new(bytes.Reader)
	}
	code := make(chan int, 1)
	go func() { code <- f.program()(ctx, p) }()
	select {
	case c := <-code:
		return c, ctx.Err()
	case <-ctx.Done():
		return 0, ctx.Err()
	}
}

// untilDone ends a reader with its context, as the end of a connection would.
type untilDone struct {
	ctx context.Context
	r   io.Reader
}

func (u untilDone) Read(p []byte) (int, error) {
	if err := u.ctx.Err(); err != nil {
		return 0, err
	}
	return u.r.Read(p)
}
