package orchestrator

import (
	"net/url"
	"slices"
	"strconv"
)

// RESTPort and WebSocketPort are where Letta's REST API and, in releases before 0.4.0, its WebSocket API listen.
const (
	RESTPort      = 8283
	WebSocketPort = 8282
)

// Target says which server to follow. One of the first three is set.
type Target struct {
	Project   string   // the server container of a project of ours
	Container string   // somebody else's container, by name: one made again under that name is the same target
	URL       *url.URL // a server started by hand

	// Unchecked takes what is at URL for ready, whatever it is: it need not be Letta, and is not asked for its health.
	Unchecked bool
}

// String names the target for people.
func (t Target) String() string {
	switch {
	case t.URL != nil:
		return t.URL.String()
	case t.Container != "":
		return t.Container
	}
	return "the server of project " + t.Project
}

// query is what must be observed to find the target.
func (t Target) query() Query {
	if t.Container != "" {
		return Query{Names: []string{t.Container}}
	}
	return Query{Project: t.Project}
}

// in finds the target's container, or nil.
func (t Target) in(have Observation) *Container {
	i := slices.IndexFunc(have.Containers, func(c Container) bool {
		if t.Container != "" {
			return c.Name == t.Container
		}
		return c.Labels.Ours(t.Project) && c.Labels[LabelRole] == RoleServer
	})
	if i < 0 {
		return nil
	}
	return &have.Containers[i]
}

// restPort is where the server in a container listens: startup.sh obeys PORT.
func restPort(c Container) int {
	if p, err := strconv.Atoi(c.Env["PORT"]); err == nil && p > 0 && p < 1<<16 {
		return p
	}
	return RESTPort
}

// speaksTLS says whether the server in a container ends TLS itself.
func speaksTLS(c Container) bool { return c.Env["LOCAL_HTTPS"] == "true" }
