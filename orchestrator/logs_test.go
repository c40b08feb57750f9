package orchestrator

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// logEngine is an engine as far as logs need one: containers with logs in memory that can be written to, stopped, started,
// removed, and streams that can be cut. It keeps lines like Docker's json-file driver (in the order written, whatever their
// stamps say). It is not safe for use outside a synctest bubble's own goroutines, and makes no containers.
type logEngine struct {
	Engine            // what is not needed panics
	wholeSeconds bool // stamps as Podman 4.3 makes them
	exclusive    bool // a line stamped with the very moment of Since is left out
	sinceOnce    bool // once a line is late enough all that follow it are given (Docker 23 and newer)

	do         chan func()
	containers []*loggedContainer
	watch      map[chan Happening]chan error
	streams    map[chan LogLine]*loggedContainer
	cut        map[chan LogLine]chan error
	observeErr error
	broken     error // what Logs fails with at once
}

type loggedContainer struct {
	Container
	lines []LogLine
}

// newLogEngine starts the goroutine that owns the engine's state; it ends with ctx.
func newLogEngine(ctx context.Context) *logEngine {
	e := &logEngine{do: make(chan func()), watch: map[chan Happening]chan error{}, streams: map[chan LogLine]*loggedContainer{}, cut: map[chan LogLine]chan error{}}
	go func() {
		for {
			select {
			case f := <-e.do:
				f()
			case <-ctx.Done():
				return
			}
		}
	}()
	return e
}

// in runs f where the state may be touched.
func (e *logEngine) in(f func()) {
	done := make(chan struct{})
	e.do <- func() { defer close(done); f() }
	<-done
}

func (e *logEngine) Observe(ctx context.Context, _ Query) (o Observation, err error) {
	if ctx.Err() != nil {
		return o, ctx.Err()
	}
	e.in(func() {
		err = e.observeErr
		for _, c := range e.containers {
			o.Containers = append(o.Containers, c.Container)
		}
	})
	return o, err
}

func (e *logEngine) Watch(ctx context.Context, ready func(), f func(Happening)) error {
	events, cut := make(chan Happening, 100), make(chan error, 1)
	e.in(func() { e.watch[events] = cut })
	ready()
	for {
		select {
		case h := <-events:
			f(h)
		case err := <-cut:
			return err
		case <-ctx.Done():
			return nil
		}
	}
}

func (e *logEngine) Logs(ctx context.Context, id string, o LogOptions, f func(LogLine)) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	var now []LogLine
	var err error
	stream, cut := make(chan LogLine, 10000), make(chan error, 1)
	e.in(func() {
		c := e.find(id)
		if err = e.broken; err == nil && c == nil {
			err = errors.New("no such container")
		}
		if err != nil {
			return
		}
		now = e.chosen(c.lines, o)
		if o.Follow && c.Running {
			e.streams[stream], e.cut[stream] = c, cut
		} else {
			close(stream)
		}
	})
	if err != nil {
		return err
	}
	for _, l := range now {
		f(l)
	}
	for {
		select {
		case l, ok := <-stream:
			if !ok {
				return nil
			}
			f(l)
		case err := <-cut:
			return err
		case <-ctx.Done():
			return nil
		}
	}
}

func (e *logEngine) chosen(lines []LogLine, o LogOptions) []LogLine {
	var out []LogLine
	hit := false
	for _, l := range lines {
		early := l.Time.Before(o.Since) || e.exclusive && l.Time.Equal(o.Since)
		if early && !(e.sinceOnce && hit) {
			continue
		}
		hit = true
		out = append(out, l)
	}
	if o.Tail > 0 && len(out) > o.Tail {
		out = out[len(out)-o.Tail:]
	}
	return out
}

func (e *logEngine) find(id string) *loggedContainer {
	for _, c := range e.containers {
		if c.ID == id {
			return c
		}
	}
	return nil
}

func (e *logEngine) create(name, id string) {
	e.in(func() {
		e.containers = append(e.containers, &loggedContainer{Container: Container{ID: id, Name: name}})
	})
}

func (e *logEngine) start(id string) {
	e.in(func() { e.find(id).Running = true; e.tell("start", id) })
}

func (e *logEngine) stop(id string) {
	e.in(func() {
		e.find(id).Running = false
		for stream, c := range e.streams {
			if c.ID == id {
				close(stream)
				delete(e.streams, stream)
			}
		}
		e.tell("die", id)
	})
}

func (e *logEngine) remove(id string) {
	e.in(func() {
		e.tell("destroy", id)
		e.containers = slices.DeleteFunc(e.containers, func(c *loggedContainer) bool { return c.ID == id })
	})
}

func (e *logEngine) tell(action, id string) {
	for events := range e.watch {
		events <- Happening{Action: action, Container: id, Name: e.find(id).Name}
	}
}

func (e *logEngine) write(id string, at time.Time, text string) {
	e.in(func() {
		if e.wholeSeconds {
			at = at.Truncate(time.Second)
		}
		c := e.find(id)
		l := LogLine{Time: at, Text: text}
		c.lines = append(c.lines, l)
		for stream, of := range e.streams {
			if of == c {
				stream <- l
			}
		}
	})
}

// cutLogs breaks all log streams; what was written and not yet given is lost with them.
func (e *logEngine) cutLogs() {
	e.in(func() {
		for stream := range e.streams {
			e.cut[stream] <- errors.New("connection reset")
			delete(e.streams, stream)
		}
	})
}

// cutWatch breaks the stream of events; events not yet given are lost with it.
func (e *logEngine) cutWatch() {
	e.in(func() {
		for events, cut := range e.watch {
			cut <- errors.New("unexpected EOF")
			delete(e.watch, events)
		}
	})
}

// followed runs FollowLogs in a bubble and gives what it gave.
type followed struct {
	lines    map[string][]string // by container name
	caught   int                 // lines given before Caught
	troubles []string
	err      error
}

func begin(ctx context.Context, e Engine, o LogOptions, pick func(Container) bool) *followed {
	got := &followed{lines: map[string][]string{}, caught: -1}
	total := 0
	go func() {
		got.err = FollowLogs(ctx, e, LogRequest{
			Pick: pick, Options: o,
			Line:    func(c Container, l LogLine) { got.lines[c.Name] = append(got.lines[c.Name], l.Text); total++ },
			Caught:  func() { got.caught = total },
			Trouble: func(err error) { got.troubles = append(got.troubles, err.Error()) },
		})
	}()
	return got
}

func all(Container) bool { return true }

// bubble runs a test with an engine in it, in time that passes by itself.
func bubble(t *testing.T, test func(t *testing.T, ctx context.Context, e *logEngine)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		end, stopEngine := context.WithCancel(context.Background())
		ctx, cancel := context.WithCancel(end)
		e := newLogEngine(end)
		test(t, ctx, e)
		cancel()
		synctest.Wait()
		stopEngine()
	})
}

func want(t *testing.T, got []string, lines ...string) {
	t.Helper()
	if !slices.Equal(got, lines) {
		t.Errorf("got\n  %s\nwant\n  %s", strings.Join(got, "\n  "), strings.Join(lines, "\n  "))
	}
}

func TestLogsGivesWhatIsThere(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context, e *logEngine) {
		e.create("server", "1")
		e.create("foreign", "2")
		e.write("1", time.Now(), "a")
		e.write("1", time.Now(), "b")
		e.write("2", time.Now(), "not wanted")
		got := begin(ctx, e, LogOptions{}, func(c Container) bool { return c.Name == "server" })
		synctest.Wait()
		want(t, got.lines["server"], "a", "b")
		if len(got.lines) != 1 || got.caught != 2 || got.err != nil {
			t.Errorf("got %+v", got)
		}
	})
}

func TestLogsFollowThroughRestartAndRecreation(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context, e *logEngine) {
		now := time.Now()
		e.create("server", "1")
		e.write("1", now, "before")
		e.start("1")
		got := begin(ctx, e, LogOptions{Follow: true}, all)
		synctest.Wait()
		if got.caught != 1 {
			t.Errorf("%d lines were given before Caught, want 1", got.caught)
		}
		e.write("1", now, "running")
		e.stop("1")
		e.start("1")
		e.write("1", now, "again")
		synctest.Wait()
		e.stop("1")
		e.write("1", now.Add(time.Minute), "last words")
		e.remove("1")
		e.create("server", "2")
		e.start("2")
		e.write("2", now.Add(-time.Hour), "made again, its clock slow")
		synctest.Wait()
		want(t, got.lines["server"], "before", "running", "again", "made again, its clock slow")
	})
}

func TestLogsTailHoldsForTheBeginningOnly(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context, e *logEngine) {
		now := time.Now()
		e.create("server", "1")
		for i := range 5 {
			e.write("1", now, fmt.Sprint(i))
		}
		e.create("silent", "2")
		got := begin(ctx, e, LogOptions{Follow: true, Tail: 2}, all)
		synctest.Wait()
		for _, id := range []string{"1", "2"} {
			for i := 5; i < 10; i++ {
				e.write(id, now.Add(time.Minute), fmt.Sprint(i))
			}
			e.start(id)
		}
		synctest.Wait()
		// The lines 0 to 2 stand a minute before the others, outside what is read again.
		want(t, got.lines["server"], "3", "4", "5", "6", "7", "8", "9")
		want(t, got.lines["silent"], "5", "6", "7", "8", "9")
		e.create("new", "3")
		for i := range 5 {
			e.write("3", now, fmt.Sprint(i))
		}
		e.start("3")
		synctest.Wait()
		want(t, got.lines["new"], "0", "1", "2", "3", "4")
	})
}

// A reading that breaks off before the last lines are known has given nothing; the next one gives them.
func TestLogsTailAfterABrokenReading(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context, e *logEngine) {
		e.create("server", "1")
		for i := range 3 {
			e.write("1", time.Now(), fmt.Sprint(i))
		}
		e.start("1")
		got := begin(ctx, &breaking{logEngine: e, call: 2}, LogOptions{Follow: true, Tail: 2}, all)
		synctest.Wait()
		want(t, got.lines["server"], "1", "2")
	})
}

// breaking is an engine whose Logs breaks off once, in the middle.
type breaking struct {
	*logEngine
	call int // the one that breaks
}

func (b *breaking) Logs(ctx context.Context, id string, o LogOptions, f func(LogLine)) error {
	if b.call--; b.call != 0 {
		return b.logEngine.Logs(ctx, id, o, f)
	}
	var some []LogLine
	err := b.logEngine.Logs(ctx, id, o, func(l LogLine) { some = append(some, l) })
	for _, l := range some[:len(some)/2+1] {
		f(l)
	}
	return errors.Join(err, errors.New("connection reset"))
}

func TestLogsRemovedContainerIsNoTrouble(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context, e *logEngine) {
		e.create("server", "1")
		e.start("1")
		got := begin(ctx, e, LogOptions{Follow: true}, all)
		synctest.Wait()
		e.write("1", time.Now(), "last words")
		synctest.Wait()
		e.remove("1")
		e.cutLogs()
		time.Sleep(time.Minute)
		synctest.Wait()
		want(t, got.lines["server"], "last words")
		want(t, got.troubles)
	})
}

// The events can be had again before the engine can be observed: what started meanwhile is known to neither.
func TestLogsLooksAgainWhenALookFails(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context, e *logEngine) {
		e.create("server", "1")
		got := begin(ctx, e, LogOptions{Follow: true}, all)
		synctest.Wait()
		e.in(func() { e.observeErr = errors.New("timeout") })
		e.cutWatch()
		e.create("new", "2")
		e.start("2")
		e.write("2", time.Now(), "a")
		time.Sleep(time.Minute)
		e.in(func() { e.observeErr = nil })
		time.Sleep(time.Minute)
		synctest.Wait()
		want(t, got.lines["new"], "a")
		want(t, got.troubles, "the container engine stopped answering: unexpected EOF")
	})
}

func TestLogsOutlivesTheEngine(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context, e *logEngine) {
		now := time.Now()
		e.create("server", "1")
		e.start("1")
		got := begin(ctx, e, LogOptions{Follow: true}, all)
		synctest.Wait()
		e.in(func() { e.observeErr, e.broken = errors.New("connection refused"), errors.New("connection refused") })
		e.cutLogs()
		e.cutWatch()
		e.write("1", now, "while nobody looked")
		time.Sleep(time.Hour) // of the bubble: no time passes
		e.in(func() { e.observeErr, e.broken = nil, nil })
		time.Sleep(maxRetry)
		e.write("1", now, "after")
		synctest.Wait()
		want(t, got.lines["server"], "while nobody looked", "after")
		want(t, got.troubles, "the container engine stopped answering: unexpected EOF",
			"reading the log of container \"server\": connection refused")
	})
}

func TestLogsUnobservableEngineIsAnError(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context, e *logEngine) {
		e.in(func() { e.observeErr = &UnreachableError{} })
		got := begin(ctx, e, LogOptions{Follow: true}, all)
		synctest.Wait()
		var unreachable *UnreachableError
		if !errors.As(got.err, &unreachable) || got.caught != -1 {
			t.Errorf("got %v, %d", got.err, got.caught)
		}
	})
}

func TestLogsOneUnreadableLogDoesNotHideTheOthers(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context, e *logEngine) {
		e.create("server", "1")
		e.write("1", time.Now(), "a")
		e.create("driver none", "2")
		got := begin(ctx, unreadable{e, "2"}, LogOptions{}, all)
		synctest.Wait()
		want(t, got.lines["server"], "a")
		want(t, got.troubles, `reading the log of container "driver none": configured logging driver does not support reading`)
	})
}

type unreadable struct {
	*logEngine
	id string
}

func (u unreadable) Logs(ctx context.Context, id string, o LogOptions, f func(LogLine)) error {
	if id == u.id {
		return errors.New("configured logging driver does not support reading")
	}
	return u.logEngine.Logs(ctx, id, o, f)
}

// FuzzFollowLogs holds the law of following: whatever breaks, each line comes once, and in the order it was written. Lines share
// stamps, are equal to each other, and stand up to a second from where their stamps say.
func FuzzFollowLogs(f *testing.F) {
	for seed := range uint64(60) {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, seed uint64) {
		bubble(t, func(t *testing.T, ctx context.Context, e *logEngine) {
			r := rand.New(rand.NewPCG(seed, 0))
			e.wholeSeconds, e.exclusive, e.sinceOnce = r.IntN(2) == 0, r.IntN(2) == 0, r.IntN(2) == 0
			e.create("server", "1")
			var written []string
			number := 0
			write := func() {
				at := time.Now().Add(time.Duration(r.IntN(4)) * 250 * time.Millisecond)
				text := fmt.Sprint("line ", r.IntN(3))
				if number++; r.IntN(2) == 0 {
					text = fmt.Sprint("line number ", number)
				}
				written = append(written, text)
				e.write("1", at, text)
			}
			for range r.IntN(10) {
				write()
			}
			tail := r.IntN(5)
			if tail > 0 {
				written = written[max(0, len(written)-tail):]
			}
			got := begin(ctx, e, LogOptions{Follow: true, Tail: tail}, all)
			synctest.Wait()
			for range 60 {
				switch r.IntN(10) {
				case 0:
					e.stop("1")
				case 1, 2:
					e.start("1")
				case 3:
					e.cutLogs()
				case 4:
					e.cutWatch()
				case 5:
					synctest.Wait()
				case 6:
					time.Sleep(time.Duration(r.IntN(3000)) * time.Millisecond)
				default:
					write()
				}
			}
			e.start("1")
			time.Sleep(time.Minute)
			synctest.Wait()
			want(t, got.lines["server"], written...)
		})
	})
}
