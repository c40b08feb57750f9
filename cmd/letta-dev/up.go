package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/gofrs/flock"
	"github.com/spf13/cobra"

	"github.com/letta-dev/letta-dev/compose"
	"github.com/letta-dev/letta-dev/orchestrator"
)

func newUp(a *app) *cobra.Command {
	var o upOptions
	cmd := &cobra.Command{
		Use:   "up",
		Short: "Start or attach to the Letta server, with trusted https in front of it",
		Long: `up makes certificates and has them trusted, starts the Letta server in a container or attaches to one that runs,
and serves it on 80, 443, 8283 and, for WebSockets, 8282. It may be run again at any time: it changes only what changed.`,
		Example: `  letta-dev up                                    # the stack of this folder, else letta/letta:0.16.8
  letta-dev up -d                                 # stay in the background
  letta-dev up --dry-run                          # what would be done, and why
  letta-dev up --attach letta-server              # in front of a container of yours
  letta-dev up --upstream http://127.0.0.1:8285   # in front of a server started by hand
  letta-dev up -f compose.yaml                    # Letta's own compose file, or yours
  letta-dev up --demo                             # a stand-in server, without an image`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := o.check(); err != nil {
				return err
			}
			return a.up(cmd.Context(), o)
		},
	}
	f := cmd.Flags()
	f.BoolVarP(&o.detach, "detach", "d", false, "stay in the background")
	f.BoolVar(&o.dryRun, "dry-run", false, "print the plan and change nothing")
	f.StringVar(&o.attach, "attach", "", "use this running container, and never change it")
	f.StringVar(&o.upstream, "upstream", "", "use a server started by hand at this URL")
	f.StringVar(&o.image, "image", "", "image of the Letta server")
	f.BoolVar(&o.demo, "demo", false, "use a stand-in server made from this program")
	f.StringArrayVarP(&o.files, "file", "f", nil, "compose file instead of compose.yaml or the built-in stack; may be repeated")
	f.DurationVar(&o.waitTimeout, "wait-timeout", 3*time.Minute, "how long the server may take to become ready")
	o.proxyOptions.flags(cmd)
	return cmd
}

// upRun is one `up`: all that was decided before anything is changed.
type upRun struct {
	app     *app
	o       upOptions
	engine  orchestrator.Engine // nil for a server without one
	project *compose.Project
	cfg     serveConfig
	files   paths
	plan    orchestrator.Plan
	live    *liveStatus // the serving process that runs already; nil when none does
}

// up does everything. What changes the machine stands after the dry run's return, in the order: trust, listeners, containers. So a
// port that is taken is found before an image is pulled.
func (a *app) up(ctx context.Context, o upOptions) error {
	r := &upRun{app: a, o: o}
	if err := r.decide(ctx); err != nil {
		return err
	}
	if o.dryRun {
		return a.ui.answer("up", r.plan, func(w io.Writer) { fmt.Fprint(w, r.plan) })
	}
	if err := r.files.makeState(); err != nil {
		return err
	}
	unlock, err := a.lockPlan(ctx, r.files)
	if err != nil {
		return err
	}
	defer unlock()
	if r.cfg.TLS {
		if err := a.trustForUp(ctx, r.cfg, o.trust); err != nil {
			return err
		}
	}
	if r.live != nil && (r.live.Config == r.cfg.fingerprint() || !r.live.Background) {
		return r.besideRunning(ctx)
	}
	if o.detach {
		return r.inBackground(ctx)
	}
	return r.inForeground(ctx, unlock)
}

// decide finds out what is wanted and what stands, and changes nothing.
func (r *upRun) decide(ctx context.Context) error {
	var err error
	switch {
	case r.o.upstream != "":
		err = r.decideUpstream()
	case r.o.demo:
		err = r.decideDemo(ctx)
	default:
		err = r.decideStack(ctx)
	}
	if err != nil {
		return err
	}
	r.live, err = r.app.live(ctx, r.files)
	return err
}

// configure makes the serving process's configuration once the project is known.
func (r *upRun) configure() error {
	var err error
	if r.files, err = r.app.paths(r.project.Name); err != nil {
		return err
	}
	r.cfg = r.app.serveConfig(r.o.proxyOptions, r.project, r.files)
	r.cfg.Background = r.o.detach
	for _, n := range r.project.Notes {
		r.app.ui.note("%s", n)
	}
	return nil
}

func (r *upRun) decideUpstream() error {
	r.project = &compose.Project{Name: r.app.nameOr("letta-dev")}
	if err := r.configure(); err != nil {
		return err
	}
	r.cfg.URL = r.o.upstream
	r.cfg.Password = r.app.env.get("LETTA_SERVER_PASSWORD")
	r.cfg.TLS = r.app.env.get("LOCAL_HTTPS") != "false"
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
	if err := r.configure(); err != nil {
		return err
	}
	if server := r.project.Server(); server != nil {
		server.AllowOrigins(ownOrigins(r.cfg)...)
	}
	engine, err := r.findEngine(ctx)
	if err != nil {
		return err
	}
	want := orchestrator.WantOf(r.project)
	query := want.Query()
	if r.o.attach != "" {
		query.Names = append(query.Names, r.o.attach)
	}
	have, err := engine.Observe(ctx, query)
	if err != nil {
		return err
	}
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
		return orchestrator.Attachable(have, r.o.attach)
	}
	if len(r.project.Files) > 0 || r.o.image != "" {
		return nil, nil
	}
	for _, c := range have.Containers {
		if c.Labels.Ours(r.project.Name) {
			return nil, nil
		}
	}
	return orchestrator.Attachable(have, "")
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
		if fmt.Sprint(p.HostPort) == address[strings.LastIndex(address, ":")+1:] {
			return true
		}
	}
	return false
}

// decideDemo plans the demo container, or, where no engine answers or this program cannot run in one, the demo inside this process.
func (r *upRun) decideDemo(ctx context.Context) error {
	project, archive, err := r.app.demoStack(r.app.nameOr("letta-dev"))
	why := err
	if err == nil {
		r.engine, why = r.findEngine(ctx)
	}
	if why != nil && r.app.engineHost()+r.app.engineContext() == "" && inProcessHelps(why) {
		project = &compose.Project{Name: r.app.nameOr("letta-dev")}
		r.project = project
		if err := r.configure(); err != nil {
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
	if err := r.configure(); err != nil {
		return err
	}
	r.cfg.Demo = "container"
	want := orchestrator.WantOf(project)
	want.Archives = map[string]func(io.Writer) error{project.Services[0].Image: archive}
	have, err := r.engine.Observe(ctx, want.Query())
	if err != nil {
		return err
	}
	if err := keepsReal(have, project.Name); err != nil {
		return err
	}
	r.plan, err = orchestrator.Diff(want, have)
	return err
}

// keepsReal refuses to put the demo in the place of a real server, whose container would be removed for it.
func keepsReal(have orchestrator.Observation, project string) error {
	for _, c := range have.Containers {
		if c.Labels.Ours(project) && !strings.HasPrefix(c.Image, orchestrator.DemoImage) {
			return usagef("letta-dev up --demo --project demo", "project %q has a real server (%s, image %s); the demo would take its place", project, c.Name, c.Image)
		}
	}
	return nil
}

// findEngine finds the engine and says which.
func (r *upRun) findEngine(ctx context.Context) (orchestrator.Engine, error) {
	row := r.app.ui.begin("docker", "")
	engine, err := r.app.engine(ctx)
	if err != nil {
		row.drop()
		return nil, err
	}
	info := engine.Info()
	name := info.Version
	if info.Name != "docker" {
		name = info.Name + " " + info.Version
	}
	row.done("%s · %s", name, info.Host)
	r.engine = engine
	return engine, nil
}

// lockPlan keeps two commands from changing one project at once.
func (a *app) lockPlan(ctx context.Context, files paths) (unlock func(), err error) {
	lock := flock.New(files.planLock())
	if held, err := lock.TryLock(); err != nil {
		return nil, fmt.Errorf("locking the project: %w", err)
	} else if !held {
		a.ui.note("another letta-dev is changing this project; waiting for it")
		if _, err := lock.TryLockContext(ctx, 50*time.Millisecond); err != nil {
			return nil, err
		}
	}
	return func() { _ = lock.Unlock() }, nil // an unlock that fails ends with the process
}

func inProcessHelps(err error) bool {
	var unreachable *orchestrator.UnreachableError
	return errors.As(err, &unreachable) || isExecutableError(err)
}
