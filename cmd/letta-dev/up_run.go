package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/url"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/letta-dev/letta-dev/crash"
	"github.com/letta-dev/letta-dev/orchestrator"
)

// besideRunning brings the stack up to date behind a serving process that runs already.
func (r *upRun) besideRunning(ctx context.Context) error {
	if r.live.Config != r.cfg.fingerprint() {
		return &otherSettingsError{r.project.Name, r.live.PID}
	}
	if len(r.plan.Steps) == 0 { // what does not answer is not mended by waiting
		watched, cancel := context.WithCancelCause(ctx)
		defer cancel(nil)
		go r.watchHealth(watched, cancel)
		ctx = watched
	}
	if err := r.apply(ctx); err != nil {
		return err
	}
	live, err := r.settled(ctx)
	if err != nil {
		return err
	}
	if len(r.plan.Steps) == 0 {
		r.app.ui.note("already running since %s; nothing changed", live.Started.Local().Format("15:04:05"))
	}
	return r.answer(live)
}

// healthEvery is how often an `up` that changes nothing asks the serving process how the server stands.
const healthEvery = time.Second

// watchHealth ends an `up` when the serving process has found that the server does not answer.
func (r *upRun) watchHealth(ctx context.Context, cancel context.CancelCauseFunc) {
	defer crash.Recover()
	tick := time.NewTicker(healthEvery)
	defer tick.Stop()
	for {
		live, err := r.app.live(ctx, r.files)
		if err == nil && live != nil && live.Server.Phase == string(orchestrator.PhaseUnhealthy) {
			cancel(r.notReady(live))
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// otherSettingsError says that another terminal serves the project with other settings.
type otherSettingsError struct {
	project string
	pid     int
}

func (e *otherSettingsError) Error() string {
	return fmt.Sprintf("project %q is served by a `letta-dev up` in another terminal (pid %d) with other settings", e.project, e.pid)
}

// Hint ends it.
func (e *otherSettingsError) Hint() string {
	return "letta-dev down  # or Ctrl-C in that terminal, then this again"
}

// inBackground starts the serving process, in the place of one with other settings, and brings the stack up behind it.
func (r *upRun) inBackground(ctx context.Context) error {
	if r.live != nil {
		r.app.ui.note("the proxy's settings changed: its background process is replaced")
		if _, err := r.app.stopServing(ctx, r.files, r.o.waitTimeout); err != nil {
			return err
		}
	}
	if _, err := r.app.startBackground(ctx, r.cfg); err != nil {
		return err
	}
	live, err := r.bringUp(ctx)
	if err != nil && !is[*orchestrator.SlowError](err) {
		// The context may have ended; the process that was started must end all the same.
		end, cancel := context.WithTimeout(context.WithoutCancel(ctx), haltTime)
		defer cancel()
		if _, stopErr := r.app.stopServing(end, r.files, haltTime); stopErr != nil {
			r.app.ui.warn("the background process could not be stopped: %v", stopErr)
		}
	}
	if err != nil {
		return err
	}
	return r.answer(live)
}

// bringUp carries out the plan and waits until the serving process sees the server too. It ends when that process does: then
// somebody said `letta-dev down`. When it fails, nothing that it started still runs, but for a server that is only slow.
func (r *upRun) bringUp(ctx context.Context) (live *liveStatus, err error) {
	watched, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	go r.watchServing(watched, cancel)
	if err = r.apply(watched); err == nil {
		live, err = r.settled(watched)
	}
	if err == nil || is[*orchestrator.SlowError](err) {
		return live, err
	}
	halt, done := context.WithTimeout(context.WithoutCancel(ctx), haltTime)
	defer done()
	if haltErr := r.halt(halt); haltErr != nil && !is[*orchestrator.UnreachableError](haltErr) { // which err says already
		r.app.ui.warn("what this `up` started could not be stopped: %v", haltErr)
	}
	return nil, err
}

// servingEvery is how often a bring-up looks whether its serving process still runs.
const servingEvery = 200 * time.Millisecond

func (r *upRun) watchServing(ctx context.Context, cancel context.CancelCauseFunc) {
	defer crash.Recover()
	tick := time.NewTicker(servingEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			if free, err := r.files.isFree(); free && err == nil {
				cancel(&stoppedError{r.project.Name})
			}
		case <-ctx.Done():
			return
		}
	}
}

// stoppedError says that an `up` was ended by another command.
type stoppedError struct{ project string }

func (e *stoppedError) Error() string {
	return fmt.Sprintf("project %q was stopped while it came up; what was begun has been taken back, your data stays", e.project)
}

// Hint begins again.
func (e *stoppedError) Hint() string { return "letta-dev up" }

// haltTime bounds the stop of what a command started, after its own context has ended.
const haltTime = time.Minute

// inForeground serves in this process until Ctrl-C or `letta-dev down`, then stops what this command started.
func (r *upRun) inForeground(ctx context.Context) error {
	signal.Ignore(syscall.SIGPIPE) // a reader of our output that goes away must not leave the server without its proxy
	if r.live != nil {
		if _, err := r.app.stopServing(ctx, r.files, r.o.waitTimeout); err != nil {
			return err
		}
	}
	serving, stop := context.WithCancel(ctx)
	defer stop()
	ready, ended := make(chan liveStatus, 1), make(chan error, 1)
	go func() {
		defer crash.Recover()
		ended <- r.app.serve(serving, r.cfg, func(l liveStatus) { ready <- l })
	}()
	select {
	case <-ready:
	case err := <-ended:
		return err
	}
	live, err := r.bringUp(ctx)
	if err == nil || is[*orchestrator.SlowError](err) {
		r.unlock() // from here on others may change the stack; what they do is followed
		err = r.serveOn(live, err, stop, ended)
	} else {
		stop()
		<-ended
	}
	return err
}

// serveOn is the long part of a foreground `up`.
func (r *upRun) serveOn(live *liveStatus, slow error, stop func(), ended <-chan error) error {
	var said error
	r.app.ui.cameUp()
	if slow != nil {
		r.app.ui.warn("%v", slow)
	} else if said = r.answer(live); said != nil {
		stop() // the person does not know where it runs
	}
	r.app.ui.rest(r.app.asTyped(ctrlC))
	served := <-ended
	r.app.ui.rest("")
	halt, cancel := context.WithTimeout(context.Background(), haltTime)
	defer cancel()
	return errors.Join(said, served, r.halt(halt))
}

// apply carries out the plan, with the server's stages on the screen, and waits until the server is ready even when there is
// nothing to do: a server that runs need not answer.
func (r *upRun) apply(ctx context.Context) error {
	following, unfollow := context.WithCancel(ctx)
	defer unfollow()
	target := orchestrator.Target{Project: r.project.Name}
	switch {
	case r.cfg.Container != "":
		target = orchestrator.Target{Container: r.cfg.Container}
	case r.cfg.URL != "":
		u, err := url.Parse(r.cfg.URL)
		if err != nil {
			return err
		}
		target = orchestrator.Target{URL: u}
	case r.engine == nil:
		return nil // the serving process knows the server's address, and settled asks it
	}
	name := cmp.Or(r.serverContainer(), "server")
	follower := orchestrator.Follow(following, r.engine, target, func(e orchestrator.Event) { r.app.ui.stage(name, e) })
	defer follower.Done()
	defer unfollow()
	applier := &orchestrator.Applier{Engine: r.engine, Report: r.app.ui.step, Ready: follower.Wait, Bound: r.waits.bound}
	if err := applier.Apply(ctx, r.plan); err != nil {
		r.app.ui.abandon()
		return r.explainApply(err)
	}
	r.app.ui.settle()
	waits, cancel := r.waits.bound(ctx)
	defer cancel()
	if err := follower.Wait(waits); err != nil {
		r.app.ui.abandon()
		return err
	}
	r.app.ui.ready(name)
	return nil
}

// serverContainer is the name of the server's container, as rows show it.
func (r *upRun) serverContainer() string {
	if s := r.project.Server(); s != nil && r.cfg.Container == "" {
		return s.ContainerName
	}
	return r.cfg.Container
}

// settled asks the serving process until it sees the server as ready too, and returns what it says.
func (r *upRun) settled(ctx context.Context) (*liveStatus, error) {
	ctx, cancel := r.waits.bound(ctx)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	last := &liveStatus{Server: liveServer{Name: r.serverContainer(), Stage: orchestrator.StageReady}} // to this process it is
	for {
		live, err := r.app.live(ctx, r.files)
		switch {
		case ctx.Err() != nil: // and with it, perhaps, the serving process
		case err != nil:
			return nil, err
		case live == nil:
			return nil, &stoppedError{r.project.Name} // as watchServing says it, which may come later
		case live.Server.Phase == string(orchestrator.PhaseReady):
			return live, nil
		default:
			last = live
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			if ctx.Err() == context.DeadlineExceeded {
				return nil, r.notReady(last)
			}
			return nil, context.Cause(ctx)
		}
	}
}

// notReady is why a server was not ready in time.
func (r *upRun) notReady(live *liveStatus) error {
	if live.Server.Cause != "" {
		return &unhealthyError{live.Server.Cause, live.Server.Hint}
	}
	return &orchestrator.SlowError{Container: live.Server.Name, Stage: live.Server.Stage, After: r.waits.limit}
}

// halt stops the containers that this command started, where they still run.
func (r *upRun) halt(ctx context.Context) error {
	var mine []string
	for _, s := range r.plan.Steps {
		if s.Action == orchestrator.Start {
			mine = append(mine, s.Target)
		}
	}
	if len(mine) == 0 || r.engine == nil {
		return nil
	}
	have, err := r.engine.Observe(ctx, orchestrator.Query{Project: r.project.Name})
	if err != nil {
		return err
	}
	plan := orchestrator.Halt(r.project.Name, have, "this `up` ended", func(c orchestrator.Container) bool { return slices.Contains(mine, c.Name) })
	recorded := r.app.recordEnds(ctx, r.engine, r.files, plan, "the end of letta-dev up")
	applier := &orchestrator.Applier{Engine: r.engine, Report: r.app.ui.step}
	err = applier.Apply(ctx, plan)
	recorded(err)
	if err != nil {
		return err
	}
	r.app.ui.settle()
	return nil
}

// explainApply adds to a failed pull what only a clone of letta-dev can do about it.
func (r *upRun) explainApply(err error) error {
	if is[*orchestrator.PullError](err) && r.app.inClone() {
		return &cloneImageError{err}
	}
	return err
}

// cloneImageError is a failed pull where the image can be built.
type cloneImageError struct{ error }

func (e *cloneImageError) Unwrap() error { return e.error }

// Hint builds it.
func (e *cloneImageError) Hint() string {
	return "make letta-image  # builds letta/letta:0.16.8 here, then: letta-dev up"
}

// warnMissing says once for all ports that nothing listens on which command changes that.
func (a *app) warnMissing(bound []boundAddress) {
	var missing []string
	why, hint := "", ""
	for _, b := range bound {
		if b.Missing != "" {
			missing = append(missing, fmt.Sprint(b.Port))
			why, hint = b.Missing, b.Hint
		}
	}
	if len(missing) > 0 {
		a.ui.warn("nothing listens on %s: %s; to allow it: %s", strings.Join(missing, " and "), why, hint)
	}
}
