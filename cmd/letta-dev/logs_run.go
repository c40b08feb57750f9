package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/letta-dev/letta-dev/crash"
	"github.com/letta-dev/letta-dev/orchestrator"
)

// logsRun is one run of `letta-dev logs`.
type logsRun struct {
	app     *app
	options logsOptions
	engine  func(context.Context) (orchestrator.Engine, error)
	// attached is the name of the container that the project's serving process attached to; empty when there is none.
	attached func(context.Context, paths) string

	project  string
	kept     engineChoice // the engine that the project is on
	names    *naming
	journal  *journalReader
	timeline *timeline
	picked   []string // services of the containers whose logs are shown, or could be
	reader   sync.WaitGroup
}

func newLogsRun(a *app, o logsOptions) *logsRun {
	r := &logsRun{
		app: a, options: o,
		attached: func(ctx context.Context, p paths) string {
			live, err := a.live(ctx, p)
			if err != nil || live == nil || live.Server.Kind != "attached" {
				return "" // status tells of a process that does not answer
			}
			return live.Server.Name
		},
	}
	r.engine = func(ctx context.Context) (orchestrator.Engine, error) { return a.engineAt(ctx, r.project, r.kept) }
	return r
}

// run shows the logs. Whatever can be shown is: without an engine that is what the journal holds.
func (r *logsRun) run(ctx context.Context) error {
	project, err := r.app.projectName(ctx)
	if err != nil {
		return err
	}
	files, err := r.app.paths(project)
	if err != nil {
		return err
	}
	rec, err := files.readRecord()
	if err != nil {
		return err
	}
	if r.kept, err = r.app.keptEngine(project, rec); err != nil {
		return err
	}
	following, stop := context.WithCancel(ctx)
	defer stop()
	r.project, r.names = project, newNaming(r.attached(ctx, files))
	r.journal = &journalReader{path: files.journal()}
	defer r.journal.close()
	r.timeline = &timeline{options: r.options, out: newLogPrinter(r.app, r.options), stop: stop}

	err = r.show(following)
	stop()
	r.reader.Wait()
	if err := r.timeline.end(); err != nil {
		return err
	}
	if r.options.follow && ctx.Err() != nil {
		return nil // Ctrl-C is how following ends
	}
	return err
}

// show gives the timeline all there is, and with --follow what comes, until ctx ends.
func (r *logsRun) show(ctx context.Context) error {
	var failed error // of caught, which is called only when the engine could be observed
	engine, err := r.engine(ctx)
	if err == nil {
		defer closeEngine(engine)
		err = orchestrator.FollowLogs(ctx, engine, orchestrator.LogRequest{
			Pick: r.pick, Options: r.options.engineOptions(),
			Line:    func(c orchestrator.Container, l orchestrator.LogLine) { r.timeline.add(r.names.line(c, l)) },
			Caught:  func() { failed = r.caught(ctx) },
			Trouble: func(err error) { r.app.ui.warn("%v", err) },
		})
	}
	if err == nil || ctx.Err() != nil {
		return errors.Join(failed, err)
	}
	return r.withoutEngine(ctx, err)
}

func closeEngine(e orchestrator.Engine) {
	if c, ok := e.(io.Closer); ok {
		_ = c.Close() // it was only read
	}
}

// withoutEngine shows what the journal holds. It fails with the engine's error when that is nothing.
func (r *logsRun) withoutEngine(ctx context.Context, unreachable error) error {
	r.readHistory()
	if !r.journal.present() || !r.options.follow && r.timeline.empty() {
		return unreachable
	}
	r.app.ui.warn("only what the proxy recorded is shown: %v", unreachable)
	r.timeline.release()
	if r.options.follow {
		r.followJournal(ctx)
	}
	return nil
}

// pick chooses the project's containers, and the one its proxy is attached to.
func (r *logsRun) pick(c orchestrator.Container) bool {
	if !c.Labels.Ours(r.project) && !r.names.isAttached(c) {
		return false
	}
	source, service := r.names.of(c)
	if !slices.Contains(r.picked, service) {
		r.picked = append(r.picked, service)
	}
	return r.options.asked(source, service) || source == sourceServer && r.options.asked(sourceDatabase, service)
}

// caught prints the history, once all containers' is read, and begins to follow the journal.
func (r *logsRun) caught(ctx context.Context) error {
	r.readHistory()
	if len(r.picked) == 0 && !r.journal.present() {
		if !r.options.follow {
			return &noLogsError{r.project}
		}
		r.app.ui.note("project %q has no logs yet; to start it: letta-dev up", r.project)
	}
	if err := r.unknownService(); err != nil {
		return err
	}
	r.timeline.release()
	if r.options.follow {
		r.reader.Go(func() { r.followJournal(ctx) })
	}
	return nil
}

// unknownService is the error for a service that nothing here has. One that is followed may come later.
func (r *logsRun) unknownService() error {
	known := []string{sourceServer, sourceDatabase, sourceProxy, sourceEngine}
	for _, service := range r.picked {
		if !slices.Contains(known, service) {
			known = append(known, service)
		}
	}
	for _, s := range r.options.services {
		if !r.options.follow && !slices.Contains(known, s) {
			return usagef("letta-dev logs --service "+known[0], "--service %q: there is no such service in project %q; there are %s", s, r.project, strings.Join(known, ", "))
		}
	}
	return nil
}

// readHistory adds what the journal holds, as far back as was asked for.
func (r *logsRun) readHistory() {
	if r.journal.present() || r.options.tail == allEntries && r.options.since.IsZero() {
		r.readJournal()
		return
	}
	h := history{options: r.options, names: r.names}
	r.tellJournal(r.journal.backward(h.take))
	for _, e := range slices.Backward(h.entries) {
		r.timeline.add(e)
	}
}

// readJournal adds what the journal holds and was not read yet.
func (r *logsRun) readJournal() {
	r.tellJournal(r.journal.poll(func(e journalEntry) {
		if entry := r.names.entry(e); r.options.within(entry.Time) {
			r.timeline.add(entry)
		}
	}))
}

// tellJournal says what could not be read of the journal, which does not keep the rest from being shown.
func (r *logsRun) tellJournal(err error) {
	if err != nil {
		r.app.ui.warn("reading what the proxy recorded: %v", err)
	}
	if n := r.journal.skipped; n > 0 {
		r.journal.skipped = 0
		r.app.ui.warn("left out of %s what letta-dev did not write: %d of its lines", r.journal.path, n)
	}
}

// journalEvery is the pause between two looks into the journal; files tell nobody portably when they grow.
const journalEvery = 200 * time.Millisecond

func (r *logsRun) followJournal(ctx context.Context) {
	defer crash.Recover()
	tick := time.NewTicker(journalEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			r.readJournal()
		case <-ctx.Done():
			return
		}
	}
}

// noLogsError says that there is nothing that could have written a line.
type noLogsError struct{ project string }

func (e *noLogsError) Error() string {
	return fmt.Sprintf("project %q has no logs: none of its containers is there, and no proxy has run", e.project)
}

// Hint starts one.
func (e *noLogsError) Hint() string { return "letta-dev up" }
