package main

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"github.com/letta-dev/letta-dev/compose"
	"github.com/letta-dev/letta-dev/orchestrator"
)

func newUp(a *app) *cobra.Command {
	var o upOptions
	cmd := &cobra.Command{
		Use:        "up",
		SuggestFor: []string{"start"},
		Short:      "Start or attach to the Letta server, with trusted https in front of it",
		Long: `up makes certificates and has them trusted, starts the Letta server in a container or attaches to one that runs,
and serves it on 80, 443, 8283 and, for WebSockets, 8282. It may be run again at any time: it changes only what changed.`,
		Example: `  letta-dev up                                    # the stack of this folder, else letta/letta:0.16.8
  letta-dev up -d                                 # stay in the background
  letta-dev up --dry-run                          # what would be done, and why
  letta-dev up --attach letta-server              # in front of a container of yours
  letta-dev up --upstream http://127.0.0.1:8285   # in front of a server started by hand
  letta-dev up -f compose.yaml                    # Letta's own compose file, or yours
  letta-dev up --cert dev.pem --key dev-key.pem --serve-host dev.example.test
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
	f.BoolVar(&o.force, "force", false, "move a project here that was started in another folder, or on another engine")
	f.StringVar(&o.attach, "attach", "", "use this running container, and never change it")
	f.StringVar(&o.upstream, "upstream", "", "use a server started by hand at this URL")
	f.StringVar(&o.image, "image", "", "image of the Letta server")
	f.BoolVar(&o.demo, "demo", false, "use a stand-in server made from this program")
	f.StringArrayVarP(&o.files, "file", "f", nil, "compose file instead of compose.yaml or the built-in stack; may be repeated")
	f.DurationVar(&o.waitTimeout, "wait-timeout", defaultWait, "how long all services together may take to become ready, once the images are here; and another letta-dev, to let go of the project")
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
	record  record                   // what the state kept before this `up`
	have    orchestrator.Observation // what stood in the engine
	plan    orchestrator.Plan
	live    *liveStatus // the serving process that runs already; nil when none does
	waits   *waitLimit
	unlock  func()              // lets others change the project again
	words   <-chan partingWords // what is said in the end; one value comes
}

// up does everything. What changes the machine stands after the dry run's return, in the order: trust, listeners, containers. So a
// port that is taken is found before an image is pulled.
func (a *app) up(ctx context.Context, o upOptions) (failed error) {
	r := &upRun{app: a, o: o, unlock: func() {}, waits: &waitLimit{limit: o.waitTimeout}}
	defer func() { r.unlock() }()
	if err := r.decide(ctx); err != nil {
		return err
	}
	if o.dryRun {
		return r.dryRun(ctx)
	}
	if err := a.prepareTLS(ctx, r.cfg, o.trust); err != nil {
		return atLine(r.project, err)
	}
	undo, err := r.keep()
	if err != nil {
		return err
	}
	defer func() { undo(failed) }()
	r.words = r.findWords(ctx)
	if r.live != nil && (r.live.Config == r.cfg.fingerprint() || !r.live.Background) {
		return r.besideRunning(ctx)
	}
	if o.detach {
		return r.inBackground(ctx)
	}
	return r.inForeground(ctx)
}

// lockPlan keeps two commands from changing one project at once. It calls busy before it waits for another, for patience at most.
func (a *app) lockPlan(ctx context.Context, files paths, patience time.Duration, busy func() error) (unlock func(), err error) {
	files.awaitState(ctx)
	if err := files.makeState(); err != nil {
		return nil, err
	}
	lock := lockOf(files.planLock(), files.Owner)
	held, err := lock.TryLock()
	if err != nil {
		return nil, files.stateProblem("locking the project", err)
	}
	if !held {
		if err := busy(); err != nil {
			return nil, err
		}
		if err := a.waitLock(ctx, lock, "is changing this project", patience); err != nil {
			return nil, err
		}
	}
	a.signLock(lock)
	return func() { _ = unlockSigned(lock) }, nil
}
