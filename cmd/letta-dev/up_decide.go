package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/letta-dev/letta-dev/orchestrator"
	"github.com/letta-dev/letta-dev/orchestrator/demo"
	"github.com/letta-dev/letta-dev/proxy/listen"
	"github.com/letta-dev/letta-dev/proxy/policy"
)

// decide finds out what is wanted and what stands, and changes nothing.
func (r *upRun) decide(ctx context.Context) error {
	var err error
	switch {
	case r.o.upstream != "":
		err = r.decideUpstream(ctx)
	case r.o.demo:
		err = r.decideDemo(ctx)
	default:
		err = r.decideStack(ctx)
	}
	if err != nil {
		return err
	}
	if !r.o.dryRun {
		if err := r.app.awaitServing(ctx, r.files, r.o.waitTimeout); err != nil {
			return err
		}
	}
	if r.live, err = r.app.live(ctx, r.files); err != nil {
		return err
	}
	if r.live == nil && holdsAny(r.have, r.project.Name) {
		if e := r.app.servedElsewhere(r.files, "down"); e != nil {
			return e
		}
	}
	return r.checkFolder(r.have)
}

// configure makes the serving process's configuration once the project is known, and locks the project.
func (r *upRun) configure(ctx context.Context) error {
	var err error
	if r.files, err = r.app.paths(r.project.Name); err != nil {
		return err
	}
	if !r.o.dryRun { // what is observed from here on must still be so when it is acted on
		unlock, err := r.app.lockPlan(ctx, r.files, r.o.waitTimeout, func() error { return nil })
		if err != nil {
			return err // and r.unlock, which is called whatever comes of this, stays the function it was
		}
		r.unlock = unlock
	}
	if r.record, err = r.files.readRecord(); err != nil {
		return err
	}
	engine := r.cfg.Engine
	r.cfg = r.app.serveConfig(r.o.proxyOptions, r.project, r.files)
	r.cfg.Engine = engine
	if err := r.checkSettings(); err != nil {
		return err
	}
	r.cfg.Background = r.o.detach
	for _, n := range r.project.Notes {
		r.app.ui.note("%s", n)
	}
	for _, w := range r.project.Warnings {
		r.app.ui.warn("%s", w)
	}
	return nil
}

// checkSettings finds what only flags and the file together can make wrong. A header of a flag is none of the file's.
func (r *upRun) checkSettings() error {
	var wrong *policy.Error
	err := r.cfg.Policy.Check()
	if errors.As(err, &wrong) && !r.o.was("header") {
		err = cmp.Or(r.project.Blame(wrong.Setting, fmt.Errorf("%w: %s", err, wrong.Advice), ""), err)
	}
	if err != nil || len(r.o.listen) > 0 {
		return err
	}
	var addresses []string
	for _, l := range r.cfg.Listeners {
		addresses = append(addresses, l.Address)
	}
	i, err := listen.Config{AllowNonLoopback: r.cfg.ExposeLAN}.Check(addresses)
	if err == nil {
		return nil
	}
	advice := ""
	if is[*listen.NotLoopbackError](err) {
		advice = "letta-dev up --expose-lan"
	}
	return cmp.Or(r.project.Blame("listeners="+addresses[i], err, advice), err)
}

func (r *upRun) decideUpstream(ctx context.Context) error {
	var err error
	if r.project, err = r.app.loadSettings(ctx); err != nil {
		return err
	}
	if err := r.configure(ctx); err != nil {
		return err
	}
	r.cfg.URL = r.o.upstream
	if err := r.cfg.refuseOwn("letta-dev up"); err != nil {
		return err
	}
	r.cfg.Password = r.app.env.get("LETTA_SERVER_PASSWORD")
	return nil
}

func (a *app) nameOr(fallback string) string {
	if a.global.project != "" {
		return a.global.project
	}
	return fallback
}

// decideStack plans the stack, or attaches: to the container that was named, or, where nobody named a stack either, to a Letta
// server that runs already.
func (r *upRun) decideStack(ctx context.Context) error {
	var err error
	if r.project, err = r.app.loadStack(ctx, r.o.files, r.o.image); err != nil {
		return err
	}
	if err := r.configure(ctx); err != nil {
		return err
	}
	if server := r.project.Server(); server != nil {
		server.AllowOrigins(ownOrigins(r.cfg)...)
	}
	if err := r.findEngine(ctx, r.project.Name); err != nil {
		return err
	}
	want := orchestrator.WantOf(r.project)
	query := want.Query()
	if r.o.attach != "" {
		query.Names = append(query.Names, r.o.attach)
	}
	have, err := r.engine.Observe(ctx, query)
	if err != nil {
		return err
	}
	orchestrator.Examine(ctx, r.engine, r.project.Name, have)
	r.have = have
	attached, err := r.attachable(have)
	if err != nil {
		return err
	}
	if attached != nil {
		r.attach(*attached)
		return nil
	}
	r.plan, err = orchestrator.Diff(want, have)
	return err
}

// attachable is the container to attach to; nil when the stack is to be run. A stack that somebody wrote or named is what they want.
func (r *upRun) attachable(have orchestrator.Observation) (*orchestrator.Container, error) {
	if r.o.attach != "" {
		c, err := orchestrator.Attachable(have, r.o.attach)
		if err == nil && c.Labels[orchestrator.LabelManaged] == "true" { // `down` of its project removes it
			return nil, usagef("letta-dev up", "--attach %s: letta-dev made that container itself; `up` of its project starts and follows it", r.o.attach)
		}
		return c, err
	}
	for _, c := range have.Containers {
		if c.Labels.Ours(r.project.Name) {
			return nil, nil
		}
	}
	if len(r.project.Files) == 0 && r.o.image == "" {
		if c, err := orchestrator.Attachable(have, ""); c != nil || err != nil {
			return c, err
		}
	}
	for _, c := range orchestrator.LookAlikes(have) {
		r.app.ui.note("%s (image %s) may be a Letta server too; to use it instead: letta-dev up --attach %s", c.Name, c.Image, c.Name)
	}
	return nil, nil
}

// attach leaves the engine as it is. A port of ours that the container publishes itself stays the container's.
func (r *upRun) attach(c orchestrator.Container) {
	r.cfg.Container = c.Name
	r.cfg.Password = c.Env["LETTA_SERVER_PASSWORD"]
	r.app.ui.note("attached to %s (image %s): it is never changed, and `letta-dev down` leaves it running", c.Name, c.Image)
	if len(r.o.listen) > 0 {
		return
	}
	var kept []listenAddress
	for _, l := range r.cfg.Listeners {
		if holds(c, l.Address) {
			r.app.ui.note("%s is published by %s itself, so the proxy leaves it to it; https is on the other ports", l.Address, c.Name)
			continue
		}
		kept = append(kept, l)
	}
	r.cfg.Listeners = kept
}

func holds(c orchestrator.Container, address string) bool {
	for _, p := range c.Published {
		if fmt.Sprint(p.HostPort) == portOf(address) {
			return true
		}
	}
	return false
}

// decideDemo plans the demo container, or, where no engine answers or this program cannot run in one, the demo inside this process.
func (r *upRun) decideDemo(ctx context.Context) error {
	settings, err := r.app.loadSettings(ctx)
	if err != nil {
		return err
	}
	project, archive, err := r.app.demoStack(settings)
	why := err
	if err == nil {
		why = r.findEngine(ctx, project.Name)
	}
	if why != nil && !r.engineChosen() && inProcessHelps(why) {
		r.project = settings
		if err := r.configure(ctx); err != nil {
			return err
		}
		r.cfg.Demo = "process"
		first, _, _ := strings.Cut(why.Error(), "\n") // the rest is where an engine was looked for
		r.app.ui.note("%s, so the demo server runs inside letta-dev", first)
		return nil
	}
	if why != nil {
		return why
	}
	r.project = project
	if err := r.configure(ctx); err != nil {
		return err
	}
	r.cfg.Demo = "container"
	want := orchestrator.WantOf(project)
	want.Archives = map[string]func(io.Writer) error{project.Services[0].Image: archive}
	have, err := r.engine.Observe(ctx, want.Query())
	if err != nil {
		return err
	}
	r.have = have
	if err := keepsReal(have, project.Name); err != nil {
		return err
	}
	r.plan, err = orchestrator.Diff(want, have)
	return err
}

// keepsReal refuses to put the demo in the place of a real server, whose container would be removed for it.
func keepsReal(have orchestrator.Observation, project string) error {
	for _, c := range have.Containers {
		if c.Labels.Ours(project) && !orchestrator.IsDemoImage(c.Image) {
			return usagef("letta-dev up --demo --project demo", "project %q has a real server (%s, image %s); the demo would take its place", project, c.Name, c.Image)
		}
	}
	return nil
}

// engineChosen says that the engine is one that somebody chose, now or before, and so needed.
func (r *upRun) engineChosen() bool {
	return r.app.flagsChoose() || r.app.env.get("DOCKER_HOST")+r.app.env.get("DOCKER_CONTEXT") != "" || !r.record.Engine.isZero()
}

// inProcessHelps says that the demo can run inside this process where it cannot in a container: no engine answers, or this program is
// none that a Linux container can run.
func inProcessHelps(err error) bool {
	return is[*orchestrator.UnreachableError](err) || is[*demo.ExecutableError](err)
}
