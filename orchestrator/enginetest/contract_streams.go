package enginetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/letta-dev/letta-dev/orchestrator"
)

// awaitLine follows a container's log until the line is there.
func (s subject) awaitLine(t *testing.T, name, text string) {
	t.Helper()
	ctx, cancel := context.WithCancel(s.ctx)
	defer cancel()
	found := false
	err := s.Engine.Logs(ctx, name, orchestrator.LogOptions{Follow: true}, func(l orchestrator.LogLine) {
		if l.Text == text {
			found = true
			cancel()
		}
	})
	if err != nil || !found {
		t.Fatalf("%s: no line %q in its log (%v)", name, text, err)
	}
}

// logs are all lines that Logs gives.
func (s subject) logs(t *testing.T, name string, o orchestrator.LogOptions) []orchestrator.LogLine {
	t.Helper()
	var lines []orchestrator.LogLine
	if err := s.Engine.Logs(s.ctx, name, o, func(l orchestrator.LogLine) { lines = append(lines, l) }); err != nil {
		t.Fatal(err)
	}
	return lines
}

// texts are the lines of one stream.
func texts(lines []orchestrator.LogLine, stderr bool) string {
	var list []string
	for _, l := range lines {
		if l.Stderr == stderr {
			list = append(list, l.Text)
		}
	}
	return strings.Join(list, ",")
}

func readsLogs(t *testing.T, s subject) {
	before := time.Now()
	name := s.run(t, "lines", s.spec("lines", "6"))
	all := s.logs(t, name, orchestrator.LogOptions{Follow: true}) // ends with the container
	if got := texts(all, false); got != "line 1,line 3,line 5" {
		t.Errorf("stdout: %q", got)
	}
	if got := texts(all, true); got != "line 2,line 4,line 6" {
		t.Errorf("stderr: %q", got)
	}
	for _, l := range all {
		if l.Time.Before(before.Add(-2*time.Second)) || l.Time.After(time.Now().Add(2*time.Second)) {
			t.Errorf("a line of %s, written after %s", l.Time, before)
		}
	}
	if again := s.logs(t, name, orchestrator.LogOptions{}); !slices.Equal(again, all) {
		t.Errorf("read again it is another: %v", again)
	}
	if tail := s.logs(t, name, orchestrator.LogOptions{Tail: 2}); !slices.Equal(tail, all[4:]) {
		t.Errorf("the last two: %v", tail)
	}
	if none := s.logs(t, name, orchestrator.LogOptions{Tail: -1}); len(none) != 0 {
		t.Errorf("none wanted: %v", none)
	}
	from := all[3].Time
	want := slices.DeleteFunc(slices.Clone(all), func(l orchestrator.LogLine) bool { return l.Time.Before(from) })
	if since := s.logs(t, name, orchestrator.LogOptions{Since: from}); !slices.Equal(since, want) {
		t.Errorf("since %s: %v of %v", from, since, all)
	}
	if err := s.Engine.Logs(s.ctx, s.Prefix+"nowhere", orchestrator.LogOptions{}, func(orchestrator.LogLine) {}); err == nil {
		t.Error("a container that is not there has a log")
	}
}

func keepsLinesWhole(t *testing.T, s subject) {
	name := s.run(t, "long", s.spec("long", "40000")) // engines keep it in pieces of 16 KiB
	got := s.logs(t, name, orchestrator.LogOptions{Follow: true})
	if len(got) != 2 || got[0].Text != strings.Repeat("x", 40000) || got[1].Text != "end" {
		for _, l := range got {
			t.Errorf("a line of %d bytes: %.20q", len(l.Text), l.Text)
		}
	}
}

func followsLogs(t *testing.T, s subject) {
	name := s.run(t, "follow", publishing(s.spec("serve"), 0))
	s.awaitLine(t, name, "serving")
	lines := make(chan orchestrator.LogLine, 1000)
	ended := make(chan error, 1)
	go func() {
		ended <- s.Engine.Logs(s.ctx, name, orchestrator.LogOptions{Follow: true, Tail: -1}, func(l orchestrator.LogLine) { lines <- l })
	}()
	c := s.standing(t, name)
	var first orchestrator.LogLine
	for first.Text == "" { // until the log is followed and a request shows in it
		s.get(t, c, "/seen")
		select {
		case first = <-lines:
		default:
		}
	}
	if first.Text != "GET /seen" {
		t.Errorf("the first new line is %q", first.Text)
	}
	s.must(t, orchestrator.Step{Action: orchestrator.Stop, Target: name, Grace: 5 * time.Second})
	if err := <-ended; err != nil || s.ctx.Err() != nil {
		t.Errorf("the log ended with %v", err)
	}
	close(lines)
	last := first
	for l := range lines {
		last = l
	}
	if last.Text != "stopping" {
		t.Errorf("the last line is %q", last.Text)
	}
}

func watches(t *testing.T, s subject) {
	ctx, cancel := context.WithCancel(s.ctx)
	happenings, ready, ended := make(chan orchestrator.Happening, 1000), make(chan struct{}), make(chan error, 1)
	go func() {
		ended <- s.Engine.Watch(ctx, func() { close(ready) }, func(h orchestrator.Happening) { happenings <- h })
	}()
	<-ready
	name := s.run(t, "seven", s.spec("exit", "7"))
	c := s.standing(t, name)
	next := func(action string) orchestrator.Happening {
		t.Helper()
		for {
			select {
			case h := <-happenings:
				if h.Name != name || !slices.Contains([]string{"create", "start", "die", "destroy"}, h.Action) {
					continue
				}
				if h.Action != action || h.Container != c.ID || h.Image != s.Image || h.Time.IsZero() {
					t.Fatalf("want %s of %s, got %+v", action, c.ID, h)
				}
				return h
			case <-s.ctx.Done():
				t.Fatalf("no %s", action)
			}
		}
	}
	if h := next("create"); !h.Labels.Ours(s.project) {
		t.Errorf("labels of the event: %v", h.Labels)
	}
	next("start")
	if h := next("die"); h.ExitCode != 7 {
		t.Errorf("it died with %d", h.ExitCode)
	}
	if c := s.standing(t, name); c.ExitCode != 7 || c.Running || c.Status != "exited" {
		t.Errorf("after its end: %+v", c)
	}
	s.must(t, orchestrator.Step{Action: orchestrator.Remove, Target: name})
	next("destroy")
	cancel()
	if err := <-ended; err != nil {
		t.Errorf("the watch ended with %v", err)
	}
}

func execs(t *testing.T, s subject) {
	name := s.run(t, "exec", s.spec("serve"))
	var stdout, stderr bytes.Buffer
	big := strings.Repeat("0123456789abcdef", 1<<16) // a megabyte: more than any buffer between here and there
	code, err := s.Engine.Exec(s.ctx, name, []string{"/probe", "echo", "3"}, strings.NewReader(big), &stdout, &stderr)
	if err != nil || code != 3 {
		t.Errorf("exit code %d, %v", code, err)
	}
	if stdout.String() != big {
		t.Errorf("%d bytes came back of %d", stdout.Len(), len(big))
	}
	if want := fmt.Sprintf("%d bytes\n", len(big)); stderr.String() != want {
		t.Errorf("stderr %q, want %q", stderr.String(), want)
	}
	if code, err = s.Engine.Exec(s.ctx, name, []string{"/probe", "lines", "3"}, nil, nil, nil); err != nil || code != 0 {
		t.Errorf("without streams: %d, %v", code, err)
	}
	if _, err = s.Engine.Exec(s.ctx, s.Prefix+"nowhere", []string{"/probe"}, nil, nil, nil); err == nil {
		t.Error("a command ran in a container that is not there")
	}
	s.must(t, orchestrator.Step{Action: orchestrator.Stop, Target: name, Grace: 5 * time.Second})
	if _, err = s.Engine.Exec(s.ctx, name, []string{"/probe"}, nil, nil, nil); err == nil {
		t.Error("a command ran in a stopped container")
	}
}

func heedsContext(t *testing.T, s subject) {
	name := s.run(t, "heed", s.spec("deaf"))
	s.awaitLine(t, name, "deaf")
	over, cancel := context.WithCancel(s.ctx)
	cancel()
	none := func(orchestrator.LogLine) {}
	wantCanceled := func(call string, err error) {
		t.Helper()
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%s: want context.Canceled, got %v", call, err)
		}
	}
	for _, a := range []orchestrator.Action{
		orchestrator.Pull, orchestrator.Load, orchestrator.CreateNetwork, orchestrator.CreateVolume, orchestrator.Create,
		orchestrator.Start, orchestrator.Stop, orchestrator.Remove, orchestrator.RemoveNetwork, orchestrator.RemoveVolume,
		orchestrator.Join, orchestrator.Leave,
	} {
		step := orchestrator.Step{Action: a, Target: s.Prefix + "never", Network: s.Prefix + "never", Project: s.project, Archive: s.Archive, Spec: s.spec("serve")}
		wantCanceled(string(a), s.Engine.Do(over, step, nil))
	}
	_, err := s.Engine.Observe(over, orchestrator.Query{})
	wantCanceled("observe", err)
	_, err = s.Engine.Exec(over, name, []string{"/probe"}, nil, nil, nil)
	wantCanceled("exec", err)
	wantCanceled("logs", s.Engine.Logs(over, name, orchestrator.LogOptions{}, none))
	if err := s.Engine.Logs(over, name, orchestrator.LogOptions{Follow: true}, none); err != nil {
		t.Errorf("follow: %v", err)
	}
	if err := s.Engine.Watch(over, func() {}, func(orchestrator.Happening) {}); err != nil {
		t.Errorf("watch: %v", err)
	}
	s.interrupts(t, name)
}

// interrupts ends the context in the middle of calls that would last.
func (s subject) interrupts(t *testing.T, name string) {
	during, cancel := context.WithCancel(s.ctx)
	_, err := s.Engine.Exec(during, name, []string{"/probe", "echo", "0"}, endless{cancel}, nil, nil)
	if !errors.Is(err, context.Canceled) {
		t.Errorf("during exec: %v", err)
	}
	during, cancel = context.WithCancel(s.ctx)
	heard := make(chan error, 1)
	go func() {
		heard <- s.Engine.Logs(s.ctx, name, orchestrator.LogOptions{Follow: true}, func(l orchestrator.LogLine) {
			if l.Text == "what" { // the stop is under way
				cancel()
			}
		})
	}()
	step := orchestrator.Step{Action: orchestrator.Stop, Target: name, Project: s.project, Grace: 5 * time.Second}
	if err := s.Engine.Do(during, step, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("during a stop: %v", err)
	}
	s.must(t, orchestrator.Step{Action: orchestrator.Stop, Target: name, Grace: time.Second})
	if err := <-heard; err != nil {
		t.Errorf("its log ended with %v", err)
	}
}

// endless is a standard input that gives a line, then cancels and never ends.
type endless struct{ cancel context.CancelFunc }

func (e endless) Read(p []byte) (int, error) {
	e.cancel()
	return copy(p, "more\n"), nil
}
