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
		{"pause", "pause", nil, orchestrator.Happening{Action: "pause"}},
		{"unpause", "unpause", nil, orchestrator.Happening{Action: "unpause"}},
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

// Docker tells of a network which container left it, and Podman of a container which network it left.
func TestHappeningOfANetwork(t *testing.T) {
	for name, c := range map[string]struct {
		actor events.Actor
		want  orchestrator.Happening
	}{
		"docker": {events.Actor{ID: "net", Attributes: map[string]string{"container": "id", "name": "p_default", "type": "bridge"}},
			orchestrator.Happening{Container: "id", Network: "p_default"}},
		"podman": {events.Actor{ID: "id", Attributes: map[string]string{"name": "letta-server", "network": "p_default"}},
			orchestrator.Happening{Container: "id", Name: "letta-server", Network: "p_default"}},
	} {
		for _, action := range []string{"connect", "disconnect", "create", "destroy"} {
			got, ok := happening(events.Message{Type: events.NetworkEventType, Action: events.Action(action), Actor: c.actor, Time: 5})
			if kept := action == "connect" || action == "disconnect"; ok != kept {
				t.Errorf("%s, %s: kept %t", name, action, ok)
			} else if kept && (got.Action != action || got.Container != c.want.Container || got.Name != c.want.Name || got.Network != c.want.Network || got.Time.Unix() != 5) {
				t.Errorf("%s, %s: %+v", name, action, got)
			}
		}
	}
}
