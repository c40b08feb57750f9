package orchestrator

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/letta-dev/letta-dev/compose"
)

// Action is what a step does.
type Action string

// The actions. All but Wait are the engine's; Wait is Apply's own.
const (
	Pull          Action = "pull image"
	Load          Action = "load image"
	CreateNetwork Action = "create network"
	CreateVolume  Action = "create volume"
	Create        Action = "create container"
	Start         Action = "start container"
	Unpause       Action = "unpause container"
	Join          Action = "connect container"    // to a network that it left, or that was made anew
	Leave         Action = "disconnect container" // from a network that is gone
	Wait          Action = "wait for container"
	Stop          Action = "stop container"
	Remove        Action = "remove container"
	RemoveNetwork Action = "remove network"
	RemoveVolume  Action = "remove volume"
	RemoveImage   Action = "remove image" // one that letta-dev made of itself; others are their owner's
)

// Step is one change to the engine, decided and not yet made.
type Step struct {
	Action Action `json:"action"`
	Target string `json:"target"` // the name of the container, network or volume, or the image's reference
	Cause  string `json:"cause"`  // why, as a clause: "it is not there", "variable OPENAI_API_KEY changed"

	Project string `json:"-"` // whose labels the thing carries, or will
	Service string `json:"service,omitempty"`

	Spec      *Spec                 `json:"-"`                 // Create: the container to make; Join: what it was made from
	Network   string                `json:"network,omitempty"` // Join, Leave: its name in the engine
	Grace     time.Duration         `json:"-"`                 // Stop: how long the container may take before it is killed; 0 is the engine's default
	Database  bool                  `json:"-"`                 // Start: Postgres runs inside; Stop: ask it to stop before the container is
	Anonymous bool                  `json:"-"`                 // Remove: the container's nameless volumes go with it
	Condition string                `json:"-"`                 // Wait: a condition of compose's depends_on
	Optional  bool                  `json:"-"`                 // Wait: the plan goes on when the condition cannot be met
	Archive   func(io.Writer) error `json:"-"`                 // Load: writes the image's archive

	needs []int // steps of the plan that must have succeeded before
}

// String is the step with its cause, in one line.
func (s Step) String() string { return fmt.Sprintf("%s %s: %s", s.Action, s.Target, s.Cause) }

// Spec is a container to be made: the service as the stack has it, the names the engine knows its parts by, and our labels.
type Spec struct {
	compose.Service
	NetworkNames map[string]string // key in the stack → name in the engine
	VolumeNames  map[string]string // key in the stack → name in the engine
	OurLabels    Labels            // added to the service's own
}

// Plan is an ordered list of steps; an empty one says that everything stands as wanted.
type Plan struct {
	Steps []Step   `json:"steps"`
	Notes []string `json:"notes,omitempty"` // what the plan leaves alone, and why
}

// String prints the plan the way `up --dry-run` shows it: a step a line, with its cause.
func (p Plan) String() string {
	var b strings.Builder
	for i, s := range p.Steps {
		fmt.Fprintf(&b, "%2d. %s %s\n      because %s\n", i+1, s.Action, s.Target, s.Cause)
	}
	if len(p.Steps) == 0 {
		b.WriteString("nothing to do: everything stands as wanted\n")
	}
	for _, n := range p.Notes {
		fmt.Fprintf(&b, "note: %s\n", n)
	}
	return b.String()
}

// Event is something that happened while a plan was carried out or a server started. It is a fact for a person or a program;
// the domain never prints.
type Event struct {
	Kind    EventKind     `json:"kind"`
	Step    *Step         `json:"step,omitempty"`
	Service string        `json:"service,omitempty"`
	Elapsed time.Duration `json:"elapsed,omitempty"` // of a step or a stage that ended, in nanoseconds
	Text    string        `json:"text,omitempty"`    // a stage's name, a layer's state, a note
	Ended   string        `json:"ended,omitempty"`   // Stage: the one that Elapsed is of

	Layer          string `json:"layer,omitempty"` // Progress: the layer's short ID
	Current, Total int64  `json:"-"`               // Progress: bytes; Total 0 when unknown
}

// EventKind says what an event is about.
type EventKind string

// The kinds of events.
const (
	StepStarted EventKind = "step-started"
	StepDone    EventKind = "step-done"
	StepFailed  EventKind = "step-failed"
	Progress    EventKind = "progress" // of a pull or a load, a layer at a time
	Stage       EventKind = "stage"    // the server reached Text; Elapsed is what the stage before took
	ServerLog   EventKind = "log"      // Text is a line the starting server wrote, redacted
	Waiting     EventKind = "waiting"  // Text is the URL of a server started by hand, and why it is not there yet
	Note        EventKind = "note"
)
