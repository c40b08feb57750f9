package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/docker/go-units"

	"github.com/letta-dev/letta-dev/orchestrator"
)

// stepRows turns what the orchestrator reports into rows: one for each image, one for each container.
type stepRows struct {
	ui     *ui
	open   map[string]*row // by target
	layers map[string]map[string]orchestrator.Event
	stages map[string][]string // of a container: "postgres 3 s", …
	begun  map[string]time.Time
	causes map[string]string // that a row has told: the steps for one target have one cause, which may be long
	mended map[string]bool   // containers that ran already: the stages of their log are those of an earlier start
}

func newStepRows(u *ui) *stepRows {
	return &stepRows{u, map[string]*row{}, map[string]map[string]orchestrator.Event{}, map[string][]string{}, map[string]time.Time{}, map[string]string{}, map[string]bool{}}
}

// step, stage and settle hand reports of the orchestrator to the rows, one at a time: those of a plan and those of a follower come
// from different goroutines.
func (u *ui) step(e orchestrator.Event) {
	u.reports.Lock()
	defer u.reports.Unlock()
	u.steps.event(e)
}

func (u *ui) stage(container string, e orchestrator.Event) {
	u.reports.Lock()
	defer u.reports.Unlock()
	if e.Kind == orchestrator.ServerLog {
		u.serverLog(container, e.Text)
		return
	}
	u.steps.stage(container, e)
}

// serverLog shows a line that a starting server wrote to those who named --progress plain: advice sends them here when a failure has
// no known cause. Who got plain lines for want of a terminal did not ask for hundreds of them.
func (u *ui) serverLog(container, line string) {
	if u.app.global.progress != "plain" {
		return
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	fmt.Fprintf(u.err, "   %-12s | %s\n", container, printable(line))
}

func (u *ui) settle() {
	u.reports.Lock()
	defer u.reports.Unlock()
	u.steps.settle()
}

func (u *ui) ready(container string) {
	u.reports.Lock()
	defer u.reports.Unlock()
	u.steps.ready(container)
}

func (u *ui) abandon() {
	u.reports.Lock()
	defer u.reports.Unlock()
	u.steps.abandon()
}

// event takes one report of a plan under way.
func (s *stepRows) event(e orchestrator.Event) {
	switch e.Kind {
	case orchestrator.StepStarted:
		s.started(*e.Step)
	case orchestrator.Progress:
		s.progress(e)
	case orchestrator.StepDone:
		s.done(*e.Step, e.Elapsed)
	case orchestrator.StepFailed:
		s.failed(*e.Step, e.Text)
	case orchestrator.Note:
		s.ui.warn("%s", e.Text)
	}
}

// stage takes the news of a starting server, which come beside the steps.
func (s *stepRows) stage(container string, e orchestrator.Event) {
	if e.Kind == orchestrator.Waiting {
		s.begin(container)
		s.row(container, container).update("waiting for a Letta server at " + e.Text)
		return
	}
	if e.Kind != orchestrator.Stage || e.Text == orchestrator.StageReady && s.open[container] == nil {
		return // a server that was ready before anybody looked needs no row
	}
	if s.mended[container] {
		return
	}
	s.begin(container)
	r := s.row(container, container)
	switch e.Ended {
	case orchestrator.StageContainer, orchestrator.StageBoot: // a run of the container begins; what an earlier one went through is over
		delete(s.stages, container)
	default:
		s.stages[container] = append(s.stages[container], fmt.Sprintf("%s %s", e.Ended, seconds(e.Elapsed)))
	}
	if e.Text != orchestrator.StageReady {
		r.update(strings.Join(append(slices.Clone(s.stages[container]), e.Text), " · "))
	}
}

func (s *stepRows) started(step orchestrator.Step) {
	switch step.Action {
	case orchestrator.Pull:
		s.row("image", step.Target).update("pulling " + step.Target)
	case orchestrator.Load:
		s.row("image", step.Target).update("loading " + step.Target)
	case orchestrator.Stop, orchestrator.Remove:
		delete(s.begun, step.Target) // what came before is over
		delete(s.stages, step.Target)
		s.row(step.Target, step.Target).update(gerund(step.Action) + s.because(step))
	case orchestrator.Create, orchestrator.Join, orchestrator.Leave, orchestrator.Unpause, orchestrator.Start:
		s.mended[step.Target] = step.Action != orchestrator.Create && step.Action != orchestrator.Start
		delete(s.stages, step.Target)
		s.begin(step.Target)
		s.row(step.Target, step.Target).update(gerund(step.Action))
	case orchestrator.Wait:
		s.row(step.Target, step.Target).update("waiting until it is " + strings.TrimPrefix(step.Condition, "service_"))
	}
}

// because is the cause of a step, where no step before it has told that of its target.
func (s *stepRows) because(step orchestrator.Step) string {
	if s.causes[step.Target] == step.Cause {
		return ""
	}
	s.causes[step.Target] = step.Cause
	return ": " + step.Cause
}

// begin notes that what becomes ready in the end begins now, if it has not before.
func (s *stepRows) begin(target string) {
	if s.begun[target].IsZero() {
		s.begun[target] = s.ui.app.now()
	}
}

func gerund(a orchestrator.Action) string {
	return map[orchestrator.Action]string{
		orchestrator.Pull: "pulling", orchestrator.Load: "loading", orchestrator.Stop: "stopping", orchestrator.Remove: "removing", orchestrator.Create: "creating",
		orchestrator.Join: "joining its network", orchestrator.Leave: "leaving a network that is gone", orchestrator.Unpause: "unpausing", orchestrator.Start: "starting",
	}[a]
}

func (s *stepRows) row(name, target string) *row {
	if s.open[target] == nil {
		s.open[target] = s.ui.begin(name, "")
	}
	return s.open[target]
}

func (s *stepRows) done(step orchestrator.Step, took time.Duration) {
	switch step.Action {
	case orchestrator.Pull:
		s.end(step.Target).done("%s · pulled %s in %s", step.Target, s.bytes(step.Target), seconds(took))
	case orchestrator.Load:
		s.end(step.Target).done("%s · made from this program in %s", step.Target, seconds(took))
	case orchestrator.Wait:
		said := append(s.stages[step.Target], strings.TrimPrefix(step.Condition, "service_")+" in "+seconds(s.ui.app.now().Sub(s.begun[step.Target])))
		s.end(step.Target).done("%s", strings.Join(said, " · "))
	case orchestrator.Remove:
		if s.ui.mode == "tty" { // where what was said is drawn over
			delete(s.causes, step.Target)
		}
		s.end(step.Target).done("removed%s", s.because(step))
		delete(s.causes, step.Target)
	case orchestrator.RemoveNetwork, orchestrator.RemoveVolume, orchestrator.RemoveImage:
		s.ui.begin(strings.TrimPrefix(string(step.Action), "remove "), "").done("%s removed", step.Target)
	}
}

// ready ends the row of a server that no step of the plan started.
func (s *stepRows) ready(container string) {
	if s.open[container] != nil {
		s.end(container).done("%s", strings.Join(append(s.stages[container], "ready in "+seconds(s.ui.app.now().Sub(s.begun[container]))), " · "))
	}
}

// settle ends the rows of containers that nothing waits for.
func (s *stepRows) settle() {
	for _, target := range slices.Sorted(maps.Keys(s.open)) {
		if s.begun[target].IsZero() {
			s.end(target).done("stopped")
		} else {
			s.end(target).done("started in %s", seconds(s.ui.app.now().Sub(s.begun[target])))
		}
	}
}

// abandon takes away the rows of what did not come to its end.
func (s *stepRows) abandon() {
	for target := range s.open {
		s.end(target).drop()
	}
}

func (s *stepRows) end(target string) *row {
	r := s.row(target, target)
	delete(s.open, target)
	return r
}

func (s *stepRows) failed(step orchestrator.Step, why string) {
	switch {
	case s.open[step.Target] == nil:
	case why == context.Canceled.Error():
		s.end(step.Target).warn("interrupted")
	default:
		s.end(step.Target).fail("%s failed", step.Action)
	}
}

// progress shows a pull: the sum on the row, each layer that moves below it.
func (s *stepRows) progress(e orchestrator.Event) {
	target := e.Step.Target
	if s.layers[target] == nil {
		s.layers[target] = map[string]orchestrator.Event{}
	}
	before := s.layers[target][e.Layer]
	if e.Total == 0 && before.Total > 0 { // "Download complete" and "Pull complete" no longer say how large the layer is
		e.Current, e.Total = before.Total, before.Total
	}
	s.layers[target][e.Layer] = e
	r := s.open[target]
	if r == nil || e.Layer == "" {
		return
	}
	if s.ui.mode != "tty" {
		if before.Text != e.Text {
			r.update(fmt.Sprintf("%s %s", e.Layer, strings.ToLower(e.Text)))
		}
		return
	}
	r.update(fmt.Sprintf("%s %s · %s", gerund(e.Step.Action), target, s.bytes(target)))
	r.below(s.moving(target))
}

func (s *stepRows) bytes(target string) string {
	var sum int64
	for _, l := range s.layers[target] {
		sum += l.Current
	}
	return units.HumanSize(float64(sum))
}

func (s *stepRows) moving(target string) []string {
	var lines []string
	for _, id := range slices.Sorted(maps.Keys(s.layers[target])) {
		if l := s.layers[target][id]; l.Total > 0 && l.Current < l.Total {
			lines = append(lines, fmt.Sprintf("     %s %-12s %s of %s", id, strings.ToLower(l.Text), units.HumanSize(float64(l.Current)), units.HumanSize(float64(l.Total))))
		}
	}
	return lines
}

// seconds is a duration as a person says it: 0.4 s, 14 s, 2 min 5 s.
func seconds(d time.Duration) string {
	switch {
	case d < 10*time.Second:
		return fmt.Sprintf("%.1f s", d.Seconds())
	case d < 2*time.Minute:
		return fmt.Sprintf("%.0f s", d.Seconds())
	}
	return fmt.Sprintf("%d min %d s", int(d.Minutes()), int(d.Seconds())%60)
}
