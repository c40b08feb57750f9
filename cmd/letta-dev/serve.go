package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"time"

	"github.com/spf13/cobra"

	"github.com/letta-dev/letta-dev/orchestrator"
	"github.com/letta-dev/letta-dev/orchestrator/demo"
	"github.com/letta-dev/letta-dev/proxy"
	"github.com/letta-dev/letta-dev/proxy/policy"
)

// serveConfig is all that the serving process is told: the same in the foreground, where it is handed over in memory, and in the
// background, where it goes through a pipe. It holds a password, so it is in no argument list and in no file.
type serveConfig struct {
	Project   string
	Files     paths
	Engine    engineChoice
	Folder    string // where the project was started
	Container string // somebody else's, to attach to
	URL       string // a server started by hand
	Plain     bool   // what is at URL need not be Letta
	Demo      string // "", "container" or "process": the stand-in inside this process

	ServerNames []string // that the server has inside the engine's network

	Background bool
	Debug      bool // choices go into the journal

	Listeners []listenAddress
	ExposeLAN bool
	Hosts     []string
	Origins   []string
	Policy    policy.Rules
	TLS       bool
	CertFile  string // absolute path of a pair that somebody brought, in the place of leaves of our own
	KeyFile   string
	WebSocket string // URL of a configured WebSocket upstream
	Password  string // of the server, for the bridge
	Grace     time.Duration
}

// listenAddress is one address to listen on. An optional one is dropped, and said, when this user has no right to it.
type listenAddress struct {
	Address   string
	WebSocket bool
	Optional  bool
}

// serving is the process that answers requests: it follows the server and never changes anything in the engine.
type serving struct {
	app        *app
	cfg        serveConfig
	started    time.Time
	follower   *orchestrator.Follower
	hint       string // what to do when a server not ours does not answer, though it should
	journal    *journal
	proxy      *proxy.Proxy
	leaf       func() leafInfo
	bound      []boundAddress
	stop       context.CancelFunc
	lock       *fileLock // that says that this process serves the project
	complaints complaints
	news       complaints // on the terminal
	starts     starts
}

// serve answers requests until ctx ends or it is told to stop through its control socket, and then stops gracefully. ready is
// called once, when all listeners are bound and every promise of live is true. The live lock says that the project has a serving
// process, whatever became of the last one's socket file.
func (a *app) serve(ctx context.Context, cfg serveConfig, ready func(liveStatus)) (err error) {
	if err := cfg.Files.makeState(); err != nil {
		return err
	}
	lock := lockOf(cfg.Files.liveLock(), cfg.Files.Owner)
	if err := hold(ctx, lock); err != nil {
		return cfg.Files.stateProblem(fmt.Sprintf("locking project %q", cfg.Project), err)
	}
	if !lock.Locked() {
		return &alreadyServedError{cfg.Project}
	}
	a.signLock(lock)
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	s := &serving{app: a, cfg: cfg, started: a.now(), stop: stop, lock: lock}
	defer func() { err = errors.Join(err, unlockSigned(s.lock)) }()
	return s.run(ctx, ready)
}

func (s *serving) run(ctx context.Context, ready func(liveStatus)) (err error) {
	if s.journal, err = openJournal(s.cfg.Files.journal(), s.cfg.Files.Owner, s.app.now); err != nil {
		return s.cfg.Files.stateProblem("opening letta-dev's journal", err)
	}
	defer func() { err = errors.Join(err, s.journal.close()) }()
	s.complaints = complaints{now: s.app.now, say: func(format string, args ...any) {
		s.journal.say(format, args...)
		if !s.cfg.Background {
			s.app.ui.news(format, args...)
		}
	}}
	defer s.complaints.end()
	s.news = complaints{now: s.app.now, say: s.app.ui.news}
	defer s.news.end()
	s.starts = starts{files: s.cfg.Files, now: s.app.now}
	if err := s.starts.load(); err != nil {
		s.journal.say("how long the last start took is not known: %v", err)
	}

	// What follows the server outlives ctx: streams may finish while the proxy stops.
	following, unfollow := context.WithCancel(context.WithoutCancel(ctx))
	group := &group{}
	defer func() { unfollow(); err = errors.Join(err, group.wait()) }()

	if err := s.followTarget(following, group); err != nil {
		return err
	}
	if !s.cfg.Plain { // else nobody asks how it stands
		group.add(func() error { s.watchServer(following); return nil })
	}
	listeners, bound, err := s.app.listen(ctx, s.cfg)
	if err != nil {
		return err
	}
	s.bound = bound
	if s.proxy, err = s.newProxy(following, group, listeners); err != nil {
		closeAll(listeners)
		return err
	}
	s.debugProxy()
	control, err := s.listenControl()
	if err != nil {
		closeAll(listeners)
		return err
	}
	defer control.Close()
	group.add(func() error { s.keepState(ctx, control); return nil })

	s.journal.say("the proxy listens on %s", ports(s.bound))
	defer s.journal.say("the proxy stopped")
	ready(s.live(ctx))
	return s.proxy.Serve(ctx)
}

// followTarget begins to follow the server, starting the stand-in first where the demo runs in this process.
func (s *serving) followTarget(ctx context.Context, group *group) error {
	target := orchestrator.Target{Project: s.cfg.Project, Container: s.cfg.Container}
	if s.cfg.Container != "" {
		target.Project = ""
	}
	var err error
	switch {
	case s.cfg.Demo == "process":
		target.Project = ""
		target.URL, err = startDemo(ctx, group, s.journal)
	case s.cfg.URL != "":
		target.Project, target.Unchecked = "", s.cfg.Plain
		target.URL, err = url.Parse(s.cfg.URL)
	}
	if err != nil {
		return err
	}
	if target.URL != nil {
		s.follower = orchestrator.Follow(ctx, nil, target, nil)
		group.add(func() error { s.follower.Done(); return nil })
		return nil
	}
	engine, err := s.app.engineAt(ctx, s.cfg.Project, s.cfg.Engine)
	if err != nil {
		return err
	}
	s.follower = orchestrator.Follow(ctx, engine, target, nil)
	group.add(func() error { s.follower.Done(); return nil })
	group.add(func() error { return s.recordEvents(ctx, engine) })
	return nil
}

// recordEvents writes what happens to the project's containers into the journal.
func (s *serving) recordEvents(ctx context.Context, engine orchestrator.Engine) error {
	for ctx.Err() == nil {
		// The follower tells when the engine is gone; here it only has to be found again.
		_ = engine.Watch(ctx, func() {}, func(h orchestrator.Happening) {
			if h.Labels.Ours(s.cfg.Project) || s.cfg.Container != "" && h.Name == s.cfg.Container {
				s.starts.began(h)
				s.journal.engine(h)
			}
		})
		select {
		case <-ctx.Done():
		case <-time.After(time.Second):
		}
	}
	return nil
}

// startDemo runs the stand-in on a port of its own.
func startDemo(ctx context.Context, group *group, log io.Writer) (*url.URL, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("starting the demo server: %w", err)
	}
	group.add(func() error { return demo.Serve(ctx, l, demo.Options{Log: log}) })
	return &url.URL{Scheme: "http", Host: l.Addr().String()}, nil
}

// hold tries to get a lock for a moment: who only asks whether it is free holds it for an instant.
func hold(ctx context.Context, lock *fileLock) error {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	err := lock.owner.Make(lock.Path(), func() error {
		_, err := lock.TryLockContext(ctx, 10*time.Millisecond)
		return err
	})
	if errors.Is(err, context.DeadlineExceeded) {
		return nil
	}
	return err
}

// alreadyServedError says that another process serves the project.
type alreadyServedError struct{ project string }

func (e *alreadyServedError) Error() string {
	return fmt.Sprintf("project %q is already served by another letta-dev", e.project)
}

// Hint shows it.
func (e *alreadyServedError) Hint() string {
	return "letta-dev status --project " + e.project + "  # or the same again with another --project"
}

// serveCommand is the name of the background process among the commands.
const serveCommand = "serve"

// newServe is the background process. It is not for people: `up -d` starts it, writes its configuration to its standard input,
// and reads from its standard output that it is ready or why not.
func newServe(a *app) *cobra.Command {
	return &cobra.Command{
		Use:    serveCommand,
		Hidden: true,
		Args:   noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var cfg serveConfig
			if err := json.NewDecoder(cmd.InOrStdin()).Decode(&cfg); err != nil {
				return usagef("letta-dev up -d", "serve reads its configuration from `letta-dev up`: %w", err)
			}
			answer := json.NewEncoder(a.stdout)
			err := a.serve(cmd.Context(), cfg, func(live liveStatus) {
				_ = answer.Encode(handover{Ready: &live}) // a parent that went away needs no answer
				hush(a.stdout)
			})
			if err != nil {
				e := explain(err)
				_ = answer.Encode(handover{Failed: &e, Exit: e.Exit})
			}
			return err
		},
	}
}

// handover is what the background process tells the one that started it: one of the two.
type handover struct {
	Ready  *liveStatus
	Failed *explanation
	Exit   int
}

// hush closes the pipe to the parent, which then sees the end of it; nothing else is ever written there.
func hush(w io.Writer) {
	if c, ok := w.(io.Closer); ok {
		_ = c.Close()
	}
}

func closeAll(listeners []proxy.Listener) {
	for _, l := range listeners {
		_ = l.Close() // they never served anything
	}
}
