package docker

import (
	"testing"
	"time"

	"github.com/moby/moby/api/types/events"

	"github.com/letta-dev/letta-dev/orchestrator"
)

func TestHappening(t *testing.T) {
	for _, c := range []struct {
		name       string
		action     string
		attributes map[string]string
		want       orchestrator.Happening
	}{
		{"docker die", "die", map[string]string{"exitCode": "137"}, orchestrator.Happening{Action: "die", ExitCode: 137}},
		{"podman died", "died", map[string]string{"containerExitCode": "1"}, orchestrator.Happening{Action: "die", ExitCode: 1}},
		{"podman remove", "remove", nil, orchestrator.Happening{Action: "destroy"}},
		{"docker destroy", "destroy", nil, orchestrator.Happening{Action: "destroy"}},
		{"docker health", "health_status: unhealthy", nil, orchestrator.Happening{Action: "health_status", Health: "unhealthy"}},
		{"podman health", "health_status", map[string]string{"health_status": "healthy"}, orchestrator.Happening{Action: "health_status", Health: "healthy"}},
		{"nonsense code", "die", map[string]string{"exitCode": "x"}, orchestrator.Happening{Action: "die"}},
		{"a health check", "exec_create: /bin/sh -c true", nil, orchestrator.Happening{}},
		{"attach", "attach", nil, orchestrator.Happening{}},
	} {
		attributes := map[string]string{"name": "n", "image": "i", orchestrator.LabelManaged: "true"}
		for k, v := range c.attributes {
			attributes[k] = v
		}
		m := events.Message{Type: "container", Action: events.Action(c.action), Actor: events.Actor{ID: "id", Attributes: attributes}, TimeNano: 5}
		got, ok := happening(m)
		if ok != (c.want.Action != "") {
			t.Errorf("%s: kept %t", c.name, ok)
		}
		if !ok {
			continue
		}
		if got.Action != c.want.Action || got.ExitCode != c.want.ExitCode || got.Health != c.want.Health {
			t.Errorf("%s: %+v", c.name, got)
		}
		if got.Name != "n" || got.Image != "i" || got.Container != "id" || got.Labels["name"] != "" || got.Labels[orchestrator.LabelManaged] != "true" {
			t.Errorf("%s: %+v", c.name, got)
		}
		if !got.Time.Equal(time.Unix(0, 5)) {
			t.Errorf("%s: at %s", c.name, got.Time)
		}
	}
}
