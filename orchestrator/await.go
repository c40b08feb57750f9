package orchestrator

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// UnmetError says that a service did not come to what another one, which depends on it, waits for.
type UnmetError struct {
	Service   string
	Condition string   // of depends_on
	Why       string   // a clause that names the container
	Advice    string   // a command, or what to correct before the next up
	Lines     []string // the last of the container's log, redacted
}

// Error is what was waited for and why it will not come, and then the last lines of the log.
func (e *UnmetError) Error() string {
	return fmt.Sprintf("waiting until service %q is %s: %s", e.Service, conditionWord(e.Condition), e.Why) + quoted(e.Lines)
}

// Hint is the advice.
func (e *UnmetError) Hint() string { return e.Advice }

// conditionWord is a condition as people say it: healthy, completed.
func conditionWord(condition string) string {
	word, _, _ := strings.Cut(strings.TrimPrefix(condition, "service_"), "_")
	return word
}

// awaitEvery is how often a condition of depends_on is looked at.
const awaitEvery = 100 * time.Millisecond

// enoughDeaths of a service that its restart policy starts again and again show that the next run will be no better.
const enoughDeaths = 2

// await returns when a service meets a condition of depends_on, or cannot any more, or waits ends, which ends no later than ctx.
func (a *Applier) await(ctx, waits context.Context, s Step) error {
	begin := time.Now()
	tick := time.NewTicker(awaitEvery)
	defer tick.Stop()
	var last *Container
	restarts := -1 // that it had before it was waited for
	for {
		have, err := a.Engine.Observe(waits, Query{Project: s.Project, Names: []string{s.Target}})
		if err != nil && waits.Err() == nil {
			return err
		}
		if err == nil {
			c := s.in(have)
			if c == nil {
				return &UnmetError{Service: s.Service, Condition: s.Condition, Why: fmt.Sprintf("container %q was removed meanwhile", s.Target), Advice: "letta-dev up"}
			}
			if restarts < 0 || c.Restarts < restarts { // it was started by hand, which begins the count anew
				restarts = c.Restarts
				if isRestarting(*c) {
					restarts-- // it has died already
				}
			}
			if met, err := a.meets(ctx, s, *c, c.Restarts-restarts); met || err != nil {
				return err
			}
			last = c
		}
		select {
		case <-tick.C:
		case <-waits.Done():
			if ctx.Err() == nil && errors.Is(waits.Err(), context.DeadlineExceeded) {
				return a.unmet(ctx, s, last, time.Since(begin))
			}
			return context.Cause(ctx)
		}
	}
}

// in is the step's container, or nil. One that somebody else made under its name meanwhile is not it.
func (s Step) in(have Observation) *Container {
	i := slices.IndexFunc(have.Containers, func(c Container) bool { return c.Name == s.Target && c.Labels.Ours(s.Project) })
	if i < 0 {
		return nil
	}
	return &have.Containers[i]
}

// meets says whether a container meets the step's condition. It fails when the container never will: it has ended, or its restart
// policy has it die again and again, or the engine calls it unhealthy.
func (a *Applier) meets(ctx context.Context, s Step, c Container, deaths int) (bool, error) {
	over := !c.Running && c.Status != "created"
	switch {
	case s.Condition == Completed && over && c.ExitCode == 0, s.Condition == Healthy && c.Running && c.Health == "healthy":
		return true, nil
	case over, isRestarting(c) && deaths >= enoughDeaths:
		died := deathOf(ctx, a.Engine, c, "")
		if s.Condition == Completed && died.Restarts > 0 && c.ExitCode == 0 {
			died.Cause = "so it never completes, as what depends on it wants"
		}
		died.Advice = cmp.Or(died.Advice, s.correct())
		return false, died
	case s.Condition == Healthy && c.Status == "running" && (c.Health == "unhealthy" || c.Health == ""): // Docker calls one that died so too
		return false, a.unmet(ctx, s, &c, 0)
	}
	return false, nil
}

// unmet tells how a container stands that has not met the step's condition: after that time, or for good when it is 0.
func (a *Applier) unmet(ctx context.Context, s Step, c *Container, after time.Duration) error {
	e := &UnmetError{Service: s.Service, Condition: s.Condition, Advice: s.correct()}
	e.Why = fmt.Sprintf("the engine has not said in %s how container %q stands", after.Round(time.Second), s.Target)
	if c != nil {
		e.Lines = lastWords(ctx, a.Engine, *c)
		e.Lines = e.Lines[max(0, len(e.Lines)-lastLines):]
		e.Why = fmt.Sprintf("container %q is %s", c.Name, c.Status)
	}
	switch {
	case c == nil:
	case s.Condition == Healthy && c.Health == "":
		e.Why += ", and it has no health check, in its image or in the compose file"
		e.Advice = fmt.Sprintf("give service %s a healthcheck in the compose file, or depend on it with service_started, then: letta-dev up", s.Service)
	case s.Condition == Healthy:
		e.Why += " and " + c.Health + c.LastCheck.String()
	}
	if after > 0 {
		e.Why += fmt.Sprintf("; the time to wait, %s, is over", after.Round(time.Second))
		e.Advice = "letta-dev up --wait-timeout 10m  # if it only takes longer"
	}
	return e
}

// correct is advice against a service that cannot be what it is wanted to be.
func (s Step) correct() string {
	return fmt.Sprintf("correct service %s in the compose file, then: letta-dev up", s.Service)
}
