package enginetest

import (
	"testing"
	"time"

	"github.com/letta-dev/letta-dev/compose"
	"github.com/letta-dev/letta-dev/orchestrator"
)

// until looks at a container until it stands in some way.
func (s subject) until(t *testing.T, name string, stands func(orchestrator.Container) bool) orchestrator.Container {
	t.Helper()
	for {
		if c := s.standing(t, name); stands(c) {
			return c
		}
	}
}

func checksHealth(t *testing.T, s subject) {
	if s.observe(t, orchestrator.Query{}).Engine.Name == "podman" {
		t.Skip("Podman's health checks need systemd")
	}
	checked := func(test ...string) *orchestrator.Spec {
		spec := s.spec("serve")
		spec.Healthcheck = &compose.Healthcheck{Test: append([]string{"CMD", "/probe"}, test...), Interval: 50 * time.Millisecond, Retries: 2}
		return spec
	}
	well := s.until(t, s.run(t, "well", checked("exit", "0")), func(c orchestrator.Container) bool { return c.Health != "starting" })
	if well.Health != "healthy" || !well.LastCheck.Done || well.LastCheck.ExitCode != 0 {
		t.Errorf("a check that succeeds: %q, %+v", well.Health, well.LastCheck)
	}
	ill := s.until(t, s.run(t, "ill", checked("echo", "3")), func(c orchestrator.Container) bool { return c.Health != "starting" })
	if ill.Health != "unhealthy" || ill.LastCheck != (orchestrator.Check{Done: true, ExitCode: 3, Output: "0 bytes\n"}) || !ill.Running {
		t.Errorf("a check that fails: %q, %+v", ill.Health, ill.LastCheck)
	}
	if c := s.standing(t, s.run(t, "unchecked", s.spec("serve"))); c.Health != "" || c.LastCheck.Done {
		t.Errorf("without a check: %q, %+v", c.Health, c.LastCheck)
	}
}

func restarts(t *testing.T, s subject) {
	spec := s.spec("exit", "3")
	spec.Restart = "always"
	name := s.run(t, "dying", spec)
	c := s.until(t, name, func(c orchestrator.Container) bool { return c.Restarts >= 2 && c.Status != "running" })
	if c.ExitCode != 3 || c.Status == "restarting" && !c.Running {
		t.Errorf("between two runs: %+v", c)
	}
	s.must(t, orchestrator.Step{Action: orchestrator.Stop, Target: name, Grace: 5 * time.Second})
	if c := s.standing(t, name); c.Running || c.Status != "exited" {
		t.Errorf("stopped, it is %s", c.Status)
	}
}
