package orchestrator_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/letta-dev/letta-dev/compose"
	"github.com/letta-dev/letta-dev/orchestrator"
	"github.com/letta-dev/letta-dev/orchestrator/enginetest"
)

// withWorker is a lab whose server depends on a worker. Of the worker, run is the program and check the health check.
func withWorker(t *testing.T, on compose.Dependency, worker compose.Service, run, check func(context.Context, enginetest.Process) int) *lab {
	t.Helper()
	l := newLab(t, nil)
	l.Program = func(ctx context.Context, p enginetest.Process) int {
		switch {
		case p.Container != "w":
			return letta{}.run(ctx, p)
		case slices.Equal(p.Argv, []string{"check"}):
			return check(ctx, p)
		}
		return run(ctx, p)
	}
	worker.Name, worker.ContainerName, worker.Image = "w", "w", "letta/letta:0.16.8"
	on.Service = "w"
	server := l.want.Services[0].Service
	server.DependsOn = []compose.Dependency{on}
	l.want = orchestrator.WantOf(&compose.Project{
		Name: "p", Services: []compose.Service{worker, server}, Settings: compose.Settings{Server: "letta"},
		Networks: map[string]compose.Network{"default": {Name: "p_default"}}, Volumes: map[string]compose.Volume{"data": {Name: "p_data"}},
	})
	return l
}

func stays(ctx context.Context, p enginetest.Process) int {
	fmt.Fprintln(p.Stdout, "at work")
	select {
	case <-ctx.Done():
	case <-p.Killed:
	}
	return 0
}

func ends(code int) func(context.Context, enginetest.Process) int {
	return func(_ context.Context, p enginetest.Process) int {
		fmt.Fprintln(p.Stderr, "cannot work")
		return code
	}
}

func checked(retries int) *compose.Healthcheck {
	return &compose.Healthcheck{Test: []string{"CMD", "check"}, Interval: 10 * time.Millisecond, Retries: retries}
}

// A service that others wait for, and that will never be what they want, ends the wait with how it stands and the last it said.
func TestWaitsInVain(t *testing.T) {
	for name, tc := range map[string]struct {
		on         string
		worker     compose.Service
		run, check func(context.Context, enginetest.Process) int
		want       []string
	}{
		"unhealthy": {orchestrator.Healthy, compose.Service{Healthcheck: checked(2)}, stays, ends(3),
			[]string{`service "w" is healthy: container "w" is running and unhealthy; its last health check ended with exit code 3: cannot work`, "at work"}},
		"without a check": {orchestrator.Healthy, compose.Service{}, stays, nil, []string{`container "w" is running, and it has no health check`}},
		"dead":            {orchestrator.Healthy, compose.Service{Healthcheck: checked(2)}, ends(2), ends(1), []string{`container "w" ended with exit code 2`, "cannot work"}},
		"restarted for ever": {orchestrator.Healthy, compose.Service{Healthcheck: checked(2), Restart: "always"}, ends(2), ends(1),
			[]string{`container "w" ended with exit code 2, not for the first time: its restart policy`, "cannot work"}},
		"failed":                     {orchestrator.Completed, compose.Service{}, ends(5), nil, []string{`container "w" ended with exit code 5`, "cannot work"}},
		"failed, and again":          {orchestrator.Completed, compose.Service{Restart: "on-failure"}, ends(5), nil, []string{`container "w" ended with exit code 5, not for the first time`}},
		"completed, and begins anew": {orchestrator.Completed, compose.Service{Restart: "always"}, ends(0), nil, []string{"exit code 0, not for the first time", "so it never completes"}},
	} {
		t.Run(name, func(t *testing.T) {
			l := withWorker(t, compose.Dependency{Condition: tc.on}, tc.worker, tc.run, tc.check)
			err := l.up(t, t.Context())
			if err == nil {
				t.Fatal("up is done")
			}
			for _, want := range tc.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("got %v\nwant %s", err, want)
				}
			}
			var advice interface{ Hint() string }
			if !errors.As(err, &advice) || !strings.Contains(advice.Hint(), "service w") {
				t.Errorf("%T has no advice about the service", err)
			}
			l.nothing(t)
		})
	}
}

// One that is not there yet is waited for until the time is over; the error says how it stands then.
func TestWaitsInTime(t *testing.T) {
	hangs := func(ctx context.Context, _ enginetest.Process) int { <-ctx.Done(); return 1 }
	for name, tc := range map[string]struct {
		on     string
		worker compose.Service
		want   string
	}{
		"starting":        {orchestrator.Healthy, compose.Service{Healthcheck: checked(2)}, `container "w" is running and starting; the time to wait, `},
		"never completes": {orchestrator.Completed, compose.Service{}, `container "w" is running; the time to wait, `},
	} {
		t.Run(name, func(t *testing.T) {
			l := withWorker(t, compose.Dependency{Condition: tc.on}, tc.worker, stays, hangs)
			plan, err := orchestrator.Diff(l.want, l.observe(t))
			if err != nil {
				t.Fatal(err)
			}
			a := &orchestrator.Applier{Engine: l, Ready: func(context.Context) error { return errors.New("the server was waited for") }, Bound: func(ctx context.Context) (context.Context, context.CancelFunc) {
				return context.WithTimeout(ctx, 500*time.Millisecond)
			}}
			err = a.Apply(t.Context(), plan)
			var unmet *orchestrator.UnmetError
			if !errors.As(err, &unmet) || !strings.Contains(err.Error(), tc.want) || !strings.Contains(unmet.Hint(), "--wait-timeout") {
				t.Errorf("got %v\nwant %s", err, tc.want)
			}
			l.nothing(t)
		})
	}
}

// A service that dies once and then works is waited for.
func TestWaitsForASecondRun(t *testing.T) {
	var runs atomic.Int32
	l := withWorker(t, compose.Dependency{Condition: orchestrator.Healthy}, compose.Service{Healthcheck: checked(2), Restart: "always"}, func(ctx context.Context, p enginetest.Process) int {
		if runs.Add(1) == 1 {
			return 1
		}
		return stays(ctx, p)
	}, func(context.Context, enginetest.Process) int { return 0 })
	if err := l.up(t, t.Context()); err != nil {
		t.Fatal(err)
	}
}

// A server that its restart policy starts again and again ends the wait at its second death, and one that works then is waited for.
func TestWaitsForAServerThatDies(t *testing.T) {
	for _, works := range []bool{false, true} {
		t.Run(fmt.Sprint("works then ", works), func(t *testing.T) {
			var runs atomic.Int32
			l := newLab(t, func(ctx context.Context, p enginetest.Process) int {
				if runs.Add(1) > 1 && works {
					return letta{}.run(ctx, p)
				}
				return letta{die: 3, last: "ERROR: Database migration failed!"}.run(ctx, p)
			})
			l.want.Services[0].Restart = "always"
			err := l.up(t, t.Context())
			if works {
				if err != nil {
					t.Fatal(err)
				}
				return
			}
			var died *orchestrator.DiedError
			if !errors.As(err, &died) || died.ExitCode != 3 || died.Restarts < 2 || died.Cause == "" || !strings.Contains(err.Error(), "not for the first time") {
				t.Errorf("got %v", err)
			}
			l.nothing(t)
		})
	}
}

// What is not required is noted, and the server starts without it.
func TestWaitsForWhatIsNotRequired(t *testing.T) {
	l := withWorker(t, compose.Dependency{Condition: orchestrator.Completed, Optional: true}, compose.Service{}, ends(5), nil)
	if err := l.up(t, t.Context()); err != nil {
		t.Fatal(err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	noted := func(e orchestrator.Event) bool {
		return e.Kind == orchestrator.Note && strings.Contains(e.Text, "exit code 5") && strings.Contains(e.Text, "not required")
	}
	if !slices.ContainsFunc(l.events, noted) {
		t.Errorf("nothing is said of it: %v", l.events)
	}
}

// A service that somebody removes, and an engine that goes, end the wait.
func TestWaitsForWhatGoes(t *testing.T) {
	gone := &orchestrator.UnreachableError{}
	for name, tc := range map[string]struct {
		happens func(*testing.T, *lab)
		is      func(error) bool
	}{
		"removed": {func(t *testing.T, l *lab) {
			for _, a := range []orchestrator.Action{orchestrator.Stop, orchestrator.Remove} {
				if err := l.Do(t.Context(), orchestrator.Step{Action: a, Target: "w", Project: "p"}, nil); err != nil {
					t.Error(err)
				}
			}
		}, func(err error) bool {
			var unmet *orchestrator.UnmetError
			var died *orchestrator.DiedError // it is stopped before it is removed
			return errors.As(err, &unmet) && strings.Contains(unmet.Why, "removed meanwhile") || errors.As(err, &died)
		}},
		"engine gone": {func(_ *testing.T, l *lab) { l.fails(func(string, orchestrator.Step) error { return gone }) },
			func(err error) bool { return errors.Is(err, gone) }},
	} {
		t.Run(name, func(t *testing.T) {
			checks := make(chan struct{}, 1)
			l := withWorker(t, compose.Dependency{Condition: orchestrator.Healthy}, compose.Service{Healthcheck: checked(1 << 20)}, stays,
				func(context.Context, enginetest.Process) int {
					select {
					case checks <- struct{}{}:
					default:
					}
					return 1
				})
			done := make(chan error, 1)
			l.follower = l.follow(t, orchestrator.Target{Project: "p"})
			go func() { done <- l.up(t, t.Context()) }()
			<-checks
			tc.happens(t, l)
			if err := <-done; !tc.is(err) {
				t.Errorf("got %T: %v", err, err)
			}
		})
	}
}
