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

// Watch calls f for what happens to containers and to their places in networks until ctx ends or the engine's stream breaks.
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
		Since: now.Info.SystemTime, Filters: make(client.Filters).Add("type", string(events.ContainerEventType), string(events.NetworkEventType)),
	})
	ready()
	copies := map[string]bool{} // by container ID: whether it has our labels of its image, which its later events may outlive
	for {
		select {
		case m := <-stream.Messages:
			h, ok := happening(m)
			if !ok {
				continue
			}
			if err := e.disownEvent(ctx, h, copies); err != nil {
				return e.watchFault(ctx, err)
			}
			f(h)
		case err := <-stream.Err:
			return e.watchFault(ctx, err)
		}
	}
}

// disownEvent takes our labels from what happens to a container that has them of its image: see disown. An event names the image by its
// reference only, so it is looked up at the container's first event.
func (e *Engine) disownEvent(ctx context.Context, h orchestrator.Happening, copies map[string]bool) error {
	if h.Labels[orchestrator.LabelManaged] == "" {
		return nil
	}
	inherited, known := copies[h.Container]
	if !known {
		var err error
		if inherited, err = e.inherits(ctx, h.Image, h.Labels); err != nil {
			return err
		}
	}
	copies[h.Container] = inherited
	if h.Action == "destroy" {
		delete(copies, h.Container)
	}
	if inherited {
		dropOurs(h.Labels)
	}
	return nil
}

// watchFault is nil when it was ctx that ended the watch.
func (e *Engine) watchFault(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil
	}
	return e.fault(ctx, "watching the engine's events", err)
}

// happening translates an event, and drops those that matter to no one here: exec_* of every health check, attach, resize.
func happening(m events.Message) (orchestrator.Happening, bool) {
	if m.Type == events.NetworkEventType {
		return networkHappening(m)
	}
	action, detail, _ := strings.Cut(string(m.Action), ": ")
	h := orchestrator.Happening{
		Action: action, Container: m.Actor.ID,
		Name: m.Actor.Attributes["name"], Image: m.Actor.Attributes["image"], Labels: eventLabels(m.Actor.Attributes),
	}
	switch action {
	case "create", "start", "stop", "kill", "oom", "restart", "rename", "destroy", "pause", "unpause":
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
	h.Time = timeOf(m)
	return h, true
}

// networkHappening translates an event of a network where it is about a container. For Docker the actor is the network, and the
// container's ID is among its attributes (moby, daemon.LogNetworkEventWithAttributes); for Podman the actor is the container.
func networkHappening(m events.Message) (orchestrator.Happening, bool) {
	if m.Action != events.ActionConnect && m.Action != events.ActionDisconnect {
		return orchestrator.Happening{}, false
	}
	h := orchestrator.Happening{Time: timeOf(m), Action: string(m.Action), Container: m.Actor.Attributes["container"], Network: m.Actor.Attributes["name"]}
	if h.Container == "" {
		h.Container, h.Name, h.Network = m.Actor.ID, m.Actor.Attributes["name"], m.Actor.Attributes["network"]
	}
	return h, true
}

// timeOf is when an event happened; older engines give whole seconds.
func timeOf(m events.Message) time.Time {
	if m.TimeNano == 0 {
		return time.Unix(m.Time, 0)
	}
	return time.Unix(0, m.TimeNano)
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
