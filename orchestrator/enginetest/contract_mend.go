package enginetest

import (
	"testing"
	"time"

	"github.com/letta-dev/letta-dev/compose"
	"github.com/letta-dev/letta-dev/orchestrator"
)

// told calls do and returns the next event of that action about the container.
func (s subject) told(t *testing.T, action string, c orchestrator.Container, do func()) orchestrator.Happening {
	t.Helper()
	happenings, ready := make(chan orchestrator.Happening, 1000), make(chan struct{})
	go func() {
		_ = s.Engine.Watch(s.ctx, func() { close(ready) }, func(h orchestrator.Happening) { happenings <- h })
	}()
	<-ready
	do()
	for {
		select {
		case h := <-happenings:
			if h.Action == action && h.Container == c.ID {
				return h
			}
		case <-s.ctx.Done():
			t.Fatalf("no %s of %s is told", action, c.Name)
		}
	}
}

func (s subject) pause(t *testing.T, c orchestrator.Container) {
	t.Helper()
	h := s.told(t, "pause", c, func() {
		if err := s.Pause(s.ctx, c.Name); err != nil {
			t.Fatal(err)
		}
	})
	if h.Name != c.Name || !h.Labels.Ours(s.project) {
		t.Errorf("the event does not say whose container was paused: %+v", h)
	}
}

func unpauses(t *testing.T, s subject) {
	name := s.run(t, "paused", publishing(s.spec("serve"), 0))
	s.awaitLine(t, name, "serving")
	before := s.standing(t, name)
	s.pause(t, before)
	if c := s.standing(t, name); !c.Running || c.Status != "paused" || !c.StartedAt.Equal(before.StartedAt) {
		t.Errorf("a paused container runs, and has since its start: %+v", c)
	}
	wantForeign(t, s.as("other").do(orchestrator.Step{Action: orchestrator.Unpause, Target: name}), "container")
	s.told(t, "unpause", before, func() { s.must(t, orchestrator.Step{Action: orchestrator.Unpause, Target: name}) })
	s.must(t, orchestrator.Step{Action: orchestrator.Unpause, Target: name})
	c := s.standing(t, name)
	if !c.Running || c.Status != "running" {
		t.Errorf("after that: %+v", c)
	}
	s.get(t, c, "/again")
}

func stopsPaused(t *testing.T, s subject) {
	name := s.run(t, "frozen", s.spec("serve"))
	s.awaitLine(t, name, "serving")
	s.pause(t, s.standing(t, name))
	s.must(t, orchestrator.Step{Action: orchestrator.Stop, Target: name, Grace: 20 * time.Second})
	if c := s.standing(t, name); c.Running || c.ExitCode != 0 {
		t.Errorf("a paused container was not stopped politely: %+v", c)
	}
}

func joins(t *testing.T, s subject) {
	network := s.Prefix + "left"
	s.atEnd(t, orchestrator.Step{Action: orchestrator.RemoveNetwork, Target: network})
	s.must(t, orchestrator.Step{Action: orchestrator.CreateNetwork, Target: network})
	spec := publishing(s.spec("serve"), 0)
	spec.Networks = []compose.Attachment{{Network: "default", Aliases: []string{"letta"}}}
	spec.NetworkNames = map[string]string{"default": network}
	name := s.run(t, "leaver", spec)
	s.awaitLine(t, name, "serving")
	before := s.standing(t, name)
	h := s.told(t, "disconnect", before, func() {
		if err := s.Leave(s.ctx, network, name); err != nil {
			t.Fatal(err)
		}
	})
	// Podman 4.3 names the network neither in its events nor in what it says of the container's mode.
	podman := s.observe(t, orchestrator.Query{}).Engine.Name == "podman"
	if h.Network != network && !podman {
		t.Errorf("the event names network %q", h.Network)
	}
	if c := s.standing(t, name); !c.Running || len(c.Networks) != 0 || len(c.Addresses) != 0 || c.MadeFor != network && !podman {
		t.Errorf("without a network: %+v", c)
	}
	step := orchestrator.Step{Action: orchestrator.Join, Target: name, Network: network, Spec: spec}
	wantForeign(t, s.as("other").do(step), "container")
	if h := s.told(t, "connect", before, func() { s.must(t, step) }); h.Network != network && !podman {
		t.Errorf("the event names network %q", h.Network)
	}
	s.must(t, step)
	c := s.standing(t, name)
	if !c.Running || len(c.Networks) != 1 || c.Networks[0].Name != network || len(c.Addresses) == 0 || !c.StartedAt.Equal(before.StartedAt) {
		t.Errorf("after that: %+v", c)
	}
	s.get(t, c, "/again")
	nowhere := step
	nowhere.Network = s.Prefix + "nowhere"
	if s.do(nowhere) == nil {
		t.Error("it joined a network that is not there")
	}
}
