package docker

import (
	"context"
	"maps"
	"strconv"
	"strings"
	"time"

	"github.com/moby/moby/api/types/events"
	"github.com/moby/moby/client"

	"github.com/letta-dev/letta-dev/orchestrator"
)

// Watch calls f for what happens to containers until ctx ends or the engine's stream breaks.
func (e *Engine) Watch(ctx context.Context, ready func(), f func(orchestrator.Happening)) error {
	// The engine answers before it subscribes; asked for what happened since a moment of its own clock, it subscribes and looks
	// back in one step.
	now, err := e.api.Info(ctx, client.InfoOptions{})
	if err != nil {
		return e.watchFault(ctx, err)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stream := e.api.Events(ctx, client.EventsListOptions{
		Since: now.Info.SystemTime, Filters: make(client.Filters).Add("type", string(events.ContainerEventType)),
	})
	ready()
	for {
		select {
		case m := <-stream.Messages:
			if h, ok := happening(m); ok {
				f(h)
			}
		case err := <-stream.Err:
			return e.watchFault(ctx, err)
		}
	}
}

// watchFault is nil when it was ctx that ended the watch.
func (e *Engine) watchFault(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil
	}
	return e.fault(ctx, "watching the engine's events", err)
}

// happening translates an event, and drops those that are nobody's business here: exec_* of every health check, attach, resize.
func happening(m events.Message) (orchestrator.Happening, bool) {
	action, detail, _ := strings.Cut(string(m.Action), ": ")
	h := orchestrator.Happening{
		Time: time.Unix(0, m.TimeNano), Action: action, Container: m.Actor.ID,
		Name: m.Actor.Attributes["name"], Image: m.Actor.Attributes["image"], Labels: eventLabels(m.Actor.Attributes),
	}
	switch action {
	case "create", "start", "stop", "kill", "oom", "restart", "rename", "destroy":
	case "remove": // Podman's word
		h.Action = "destroy"
	case "die", "died":
		h.Action, h.ExitCode = "die", exitCode(m.Actor.Attributes)
	case "health_status":
		h.Health = detail
		if h.Health == "" { // Podman has it among the attributes
			h.Health = m.Actor.Attributes["health_status"]
		}
	default:
		return orchestrator.Happening{}, false
	}
	if m.TimeNano == 0 {
		h.Time = time.Unix(m.Time, 0)
	}
	return h, true
}

func exitCode(attributes map[string]string) int {
	for _, key := range []string{"exitCode", "containerExitCode"} {
		if code, err := strconv.Atoi(attributes[key]); err == nil {
			return code
		}
	}
	return 0
}

// eventLabels are the attributes but for those the engine adds: events carry both in one map.
func eventLabels(attributes map[string]string) orchestrator.Labels {
	labels := orchestrator.Labels(maps.Clone(attributes))
	for _, own := range []string{"name", "image", "exitCode", "containerExitCode", "signal", "oldName", "execDuration"} {
		delete(labels, own)
	}
	return labels
}
