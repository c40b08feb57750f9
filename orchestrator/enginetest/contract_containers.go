package enginetest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/letta-dev/letta-dev/compose"
	"github.com/letta-dev/letta-dev/orchestrator"
)

func runsContainers(t *testing.T, s subject) {
	network := s.Prefix + "net"
	s.atEnd(t, orchestrator.Step{Action: orchestrator.RemoveNetwork, Target: network})
	s.must(t, orchestrator.Step{Action: orchestrator.CreateNetwork, Target: network})
	spec := publishing(s.spec("serve"), 0)
	spec.Environment = map[string]string{"LETTA_PG_PORT": "5432", "TEXT": "a=b c"}
	spec.Labels = map[string]string{"com.example.team": "red", orchestrator.LabelProject: "forged"}
	spec.Networks = []compose.Attachment{{Network: "default", Aliases: []string{"letta_server"}}}
	spec.NetworkNames = map[string]string{"default": network}
	name := s.create(t, "whole", spec)

	if c := s.standing(t, name); c.Running || c.Status != "created" || !c.StartedAt.IsZero() || len(c.Published) != 0 {
		t.Errorf("before its start: %+v", c)
	}
	s.must(t, orchestrator.Step{Action: orchestrator.Start, Target: name})
	c := s.standing(t, name)
	if !c.Running || c.Status != "running" || !c.Detailed || c.ID == "" || c.ImageID == "" || c.StartedAt.IsZero() {
		t.Errorf("after its start: %+v", c)
	}
	if c.Image != s.Image || c.Env["LETTA_PG_PORT"] != "5432" || c.Env["TEXT"] != "a=b c" || c.Labels["com.example.team"] != "red" {
		t.Errorf("it is not what was asked for: %+v", c)
	}
	if !c.Labels.Ours(s.project) {
		t.Errorf("the service's own labels won over ours: %v", c.Labels)
	}
	if len(c.Networks) != 1 || c.Networks[0].Name != network || c.Networks[0].ID == "" || len(c.Addresses) == 0 {
		t.Errorf("networks %v, addresses %v", c.Networks, c.Addresses)
	}
	s.get(t, c, "/hello")
}

// get asks the probe in a container through its published port.
func (s subject) get(t *testing.T, c orchestrator.Container, path string) {
	t.Helper()
	if len(c.Published) != 1 {
		t.Fatalf("published: %v", c.Published)
	}
	p := c.Published[0]
	if p.Port != 8283 || p.HostPort == 0 || p.HostIP.String() != "127.0.0.1" || p.Protocol != "tcp" {
		t.Fatalf("published at %+v", p)
	}
	url := fmt.Sprintf("http://127.0.0.1:%d%s", p.HostPort, path)
	var body []byte
	for body == nil { // the probe may need a moment to listen, in which an engine's proxy answers in its place
		r, err := http.NewRequestWithContext(s.ctx, http.MethodGet, url, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Close = true
		answer, err := http.DefaultClient.Do(r)
		if s.ctx.Err() != nil {
			t.Fatalf("%s does not answer: %v", url, err)
		}
		if err == nil {
			body, _ = io.ReadAll(answer.Body)
			_ = answer.Body.Close()
		}
	}
	if string(body) != "probe\n" {
		t.Errorf("%s: %q", url, body)
	}
}

func repeats(t *testing.T, s subject) {
	name := s.create(t, "again", s.spec("serve"))
	for _, step := range []orchestrator.Step{
		{Action: orchestrator.Create, Target: name, Spec: s.spec("serve")},
		{Action: orchestrator.Start, Target: name},
		{Action: orchestrator.Start, Target: name},
		{Action: orchestrator.Stop, Target: name, Grace: 5 * time.Second},
		{Action: orchestrator.Stop, Target: name},
		{Action: orchestrator.Start, Target: name}, // again after a stop
		{Action: orchestrator.Stop, Target: name, Grace: 5 * time.Second},
		{Action: orchestrator.Remove, Target: name},
		{Action: orchestrator.Remove, Target: name},
		{Action: orchestrator.Stop, Target: name},
	} {
		s.must(t, step)
	}
	if err := s.do(orchestrator.Step{Action: orchestrator.Start, Target: name}); err == nil {
		t.Error("a container that is not there was started")
	}
	other := s.spec("serve")
	other.OurLabels[orchestrator.LabelHash] = "2"
	s.must(t, orchestrator.Step{Action: orchestrator.Create, Target: name, Spec: s.spec("serve")})
	if err := s.do(orchestrator.Step{Action: orchestrator.Create, Target: name, Spec: other}); err == nil {
		t.Error("a container of another configuration passed for the one asked for")
	}
}

func sparesTakenNames(t *testing.T, s subject) {
	other := s.as("other")
	for state, make := range map[string]func(*testing.T, string, *orchestrator.Spec) string{"stopped": other.create, "running": other.run} {
		name := make(t, state, other.spec("serve"))
		before := s.standing(t, name)
		var taken *orchestrator.NameTakenError
		err := s.do(orchestrator.Step{Action: orchestrator.Create, Target: name, Spec: s.spec("lines", "1")})
		if !errors.As(err, &taken) || taken.Name != name || taken.Image != s.Image || taken.Running != (state == "running") {
			t.Errorf("%s: want a NameTakenError, got %v", state, err)
		}
		if after := s.standing(t, name); after.ID != before.ID || after.Running != before.Running {
			t.Errorf("%s: it was touched: %+v", state, after)
		}
	}
}

func sparesForeignContainers(t *testing.T, s subject) {
	other := s.as("other")
	name := other.run(t, "theirs", other.spec("serve"))
	before := s.standing(t, name)
	for _, a := range []orchestrator.Action{
		orchestrator.Join, orchestrator.Leave, orchestrator.Start, orchestrator.Stop, orchestrator.Remove,
	} {
		wantForeign(t, s.do(orchestrator.Step{Action: a, Target: name, Network: s.Prefix + "net", Spec: s.spec(), Database: true}), "container")
	}
	if after := s.standing(t, name); after.ID != before.ID || !after.Running || !after.StartedAt.Equal(before.StartedAt) {
		t.Errorf("it was touched: %+v", after)
	}
}

func sparesCopies(t *testing.T, s subject) {
	name := s.run(t, "original", s.spec("serve"))
	theirs := s.Prefix + "copy"
	ctx, cancel := context.WithCancel(s.ctx)
	defer cancel()
	ready, created, ended := make(chan struct{}), make(chan orchestrator.Happening, 1), make(chan error, 1)
	go func() {
		ended <- s.Engine.Watch(ctx, func() { close(ready) }, func(h orchestrator.Happening) {
			if h.Name == theirs && h.Action == "create" {
				created <- h
			}
		})
	}()
	<-ready
	if err := s.Copy(s.ctx, name, theirs); err != nil {
		t.Fatal(err)
	}
	select {
	case h := <-created:
		if h.Labels.Ours(s.project) {
			t.Errorf("an event of it counts as ours: %v", h.Labels)
		}
	case err := <-ended:
		t.Fatalf("the watch ended with %v", err)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Errorf("the watch ended with %v", err)
	}
	if c := s.standing(t, theirs); c.Labels.Ours(s.project) {
		t.Errorf("what somebody made from a commit of ours is taken for ours: %v", c.Labels)
	}
	for _, a := range []orchestrator.Action{orchestrator.Stop, orchestrator.Remove} {
		wantForeign(t, s.do(orchestrator.Step{Action: a, Target: theirs}), "container")
	}
	s.standing(t, theirs)
	if c := s.standing(t, name); !c.Labels.Ours(s.project) {
		t.Errorf("and ours is not ours any more: %v", c.Labels)
	}
}

func keepsRunningContainers(t *testing.T, s subject) {
	name := s.run(t, "busy", s.spec("serve"))
	if err := s.do(orchestrator.Step{Action: orchestrator.Remove, Target: name}); err == nil {
		t.Error("a running container was removed")
	}
	if !s.standing(t, name).Running {
		t.Error("it does not run any more")
	}
}

func tellsPortClashes(t *testing.T, s subject) {
	holder := s.standing(t, s.run(t, "holder", publishing(s.spec("serve"), 0)))
	port := holder.Published[0].HostPort
	name := s.create(t, "late", publishing(s.spec("serve"), port))
	var taken *orchestrator.PortTakenError
	err := s.do(orchestrator.Step{Action: orchestrator.Start, Target: name})
	if !errors.As(err, &taken) || taken.Container != name || taken.Address != fmt.Sprintf("127.0.0.1:%d", port) {
		t.Fatalf("want a PortTakenError, got %v", err)
	}
	if c, found := s.see(t, name); found {
		t.Errorf("it stands half made: %+v", c)
	}
	s.must(t, orchestrator.Step{Action: orchestrator.Create, Target: name, Spec: publishing(s.spec("serve"), 0)})
	s.must(t, orchestrator.Step{Action: orchestrator.Start, Target: name})
	s.get(t, s.standing(t, name), "/after")
}

func stops(t *testing.T, s subject) {
	polite := s.run(t, "polite", s.spec("serve"))
	s.awaitLine(t, polite, "serving")
	s.must(t, orchestrator.Step{Action: orchestrator.Stop, Target: polite, Grace: 20 * time.Second, Database: true}) // it has none
	c := s.standing(t, polite)
	if c.Running || c.Status != "exited" || c.ExitCode != 0 || c.FinishedAt.Before(c.StartedAt) {
		t.Errorf("after a polite stop: %+v", c)
	}
	s.awaitLine(t, polite, "stopping")

	deaf := s.run(t, "deaf", s.spec("deaf"))
	s.awaitLine(t, deaf, "deaf")
	s.must(t, orchestrator.Step{Action: orchestrator.Stop, Target: deaf, Grace: time.Second})
	if c := s.standing(t, deaf); c.Running || c.ExitCode != 137 || c.FinishedAt.Sub(c.StartedAt) < time.Second {
		t.Errorf("after a forced stop: %+v", c)
	}
}
