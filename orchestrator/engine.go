package orchestrator

import (
	"context"
	"fmt"
	"io"
	"net/netip"
	"strings"
	"time"
)

// Labels that mark what is ours in the engine. They are the only record of it: no file repeats them.
const (
	LabelManaged = "dev.letta.managed"     // "true" on everything letta-dev made
	LabelProject = "dev.letta.project"     // the project it belongs to
	LabelFolder  = "dev.letta.folder"      // the folder it was started in
	LabelService = "dev.letta.service"     // the service a container runs
	LabelHash    = "dev.letta.config-hash" // of the whole configuration a container was made from
	LabelFields  = "dev.letta.config"      // a short hash for each field of it, so that a plan can name what changed
	LabelMade    = "dev.letta.made"        // another one for every container, so that one run from a commit of it can be told from it
)

// LabelDemo is on the images that letta-dev makes of its own program. It is not LabelManaged, because containers inherit the labels of
// their image, and one that a person starts from it is theirs.
const LabelDemo = "dev.letta.demo-hash"

// Engine is a container engine as letta-dev uses it. orchestrator/docker meets it for Docker and Podman, enginetest.Fake for
// tests, and enginetest.Contract says what both must do. Where a method takes a container, its name and its ID both will do.
//
// Errors are typed where a caller decides by them: *UnreachableError when the engine itself does not answer, *PullError,
// *NameTakenError, *ForeignError and *PortTakenError. A method ends with ctx.Err() when ctx ends first.
type Engine interface {
	// Observe reports what stands in the engine now, in one consistent look as far as engines allow one.
	Observe(ctx context.Context, q Query) (Observation, error)

	// Do carries out one step and returns when it is done. It reports progress (layers of a pull) and nothing else to
	// report, which may be nil. A step that changes, stops or removes something first reads the labels of what stands there,
	// and does nothing but fail with *ForeignError unless LabelManaged and LabelProject say that it is the project's own. A container
	// inherits the labels of its image: those that it has from a commit of one of ours do not count, and are not seen.
	// What a step asks for and already stands (an image that is there, a container that runs or is gone) is success.
	// RemoveImage removes an image that letta-dev made of its own program and that no container uses, and leaves one in use. Another image
	// that has its name is *ForeignError.
	Do(ctx context.Context, step Step, report func(Event)) error

	// Watch calls f for what happens to containers and to their places in networks, in the engine's order, until ctx ends (nil) or the stream breaks (why).
	// An event's labels do not count, and are not seen, where the container has them from a commit of one of ours: see Do.
	// ready is called once, when nothing that happens from then on will be missed.
	Watch(ctx context.Context, ready func(), f func(Happening)) error

	// Logs calls f for each line a container wrote, oldest first, both streams in the order the engine kept them.
	// With Follow it ends when the container stops or ctx ends, and returns nil for both.
	Logs(ctx context.Context, container string, o LogOptions, f func(LogLine)) error

	// Exec runs argv in a running container until it ends, and returns its exit code. Any of the streams may be nil.
	// Reading io.EOF from stdin half-closes the command's standard input.
	Exec(ctx context.Context, container string, argv []string, stdin io.Reader, stdout, stderr io.Writer) (int, error)
}

// Query says what Observe must look at beyond what carries the project's labels.
type Query struct {
	Project  string
	Names    []string // containers by name: those the stack wants and the one to attach to
	Images   []string // references to look up
	Networks []string // names
	Volumes  []string // names
}

// Observation is what stands in the engine.
type Observation struct {
	Engine     EngineInfo
	Containers []Container        // every container; Detailed ones are those the query asked for, ours, and what runs and could be a Letta server
	Images     map[string]Image   // by reference: those of Query.Images that are present
	Networks   map[string]Network // by name: those of the query that stand, and all of the project's
	Volumes    map[string]Labels  // by name: those of the query that stand, and all of the project's
}

// Image is an image as it stands.
type Image struct {
	ID   string
	Demo string // the value of LabelDemo where letta-dev made the image; one that is built or committed from such an image is not
}

// Network is a network as it stands. One that was removed and made again has the same name and another ID.
type Network struct {
	ID string
	Labels
}

// Labels are an engine object's labels: written by us, or by anybody.
type Labels map[string]string

// Ours reports whether both labels say that letta-dev made the object for project.
func (l Labels) Ours(project string) bool {
	return l[LabelManaged] == "true" && l[LabelProject] == project
}

// EngineInfo is what an engine says of itself.
type EngineInfo struct {
	Name    string `json:"name"`    // "docker" or "podman"
	Version string `json:"version"` // of the engine, 28.2.2
	API     string `json:"api"`     // the negotiated version, 1.41
	Host    string `json:"host"`    // as a person names it: unix:///var/run/docker.sock, ssh://me@host
	Found   string `json:"found"`   // how it was found: "--host", "DOCKER_HOST", "context desktop-linux", "socket"
	Local   bool   `json:"local"`   // published ports are on this machine's loopback
	Direct  bool   `json:"direct"`  // container addresses can be dialled from here: a local engine on Linux, no VM between
}

// Container is a container as it stands.
type Container struct {
	ID      string
	Name    string // without the leading slash
	Image   string // the reference it was made from
	ImageID string
	Labels  Labels
	Running bool
	Status  string // the engine's word: created, running, paused, restarting, exited, dead

	// What follows is there only when Detailed, which costs the engine a call for each container.
	Detailed   bool
	Env        map[string]string
	Addresses  []netip.Addr // in its networks, while it runs
	Published  []Published  // while it runs; empty for an instant after a start
	Mounts     []MountPoint
	Networks   []Attached    // by name
	MadeFor    string        // the network it was made to be in, or host, none, container:ID; empty when the engine does not say
	StopGrace  time.Duration // what the container was made to have between a polite stop and a kill; 0 when the engine does not say
	Health     string        // the engine's own probe: "", starting, healthy, unhealthy
	LastCheck  Check         // the last of these probes
	Stuck      string        // why its server cannot come though it runs; Examine's to say, not an engine's
	Restarts   int           // how often its restart policy has started it since somebody did
	StartedAt  time.Time
	FinishedAt time.Time
	ExitCode   int
	OOMKilled  bool
}

// Check is one health check of a container, by the engine.
type Check struct {
	Done     bool
	ExitCode int    // -1 when it took too long
	Output   string // the beginning of what it said
}

// String is the end of a sentence about a container's health; empty when there was no check yet.
func (c Check) String() string {
	if !c.Done {
		return ""
	}
	said := strings.TrimSpace(Redact(c.Output))
	if said != "" {
		said = ": " + said
	}
	return fmt.Sprintf("; its last health check ended with exit code %d%s", c.ExitCode, said)
}

// Published is a container's port on the host.
type Published struct {
	Port     int        `json:"port"` // in the container
	HostIP   netip.Addr `json:"hostIP"`
	HostPort int        `json:"hostPort"`
	Protocol string     `json:"protocol"` // tcp or udp
}

// Attached is a container's place in a network. An engine keeps it by the network's ID, also when the network is gone: then it cannot
// start the container, though a network of that name may stand.
type Attached struct {
	Name string
	ID   string // empty when that network is not there any more
}

// MountPoint is a volume or a host folder in a container.
type MountPoint struct {
	Kind   string // volume, bind, tmpfs
	Source string // the volume's name or the host's folder
	Target string
}

// Happening is one event of the engine about one container. Docker tells of networks without the container's name, image and labels.
type Happening struct {
	Time      time.Time `json:"time"`
	Action    string    `json:"action"`    // create, start, die, stop, kill, oom, destroy, health_status, restart, rename, pause, unpause, connect, disconnect
	Container string    `json:"container"` // its ID
	Name      string    `json:"name"`
	Image     string    `json:"image"`
	Labels    Labels    `json:"-"`
	ExitCode  int       `json:"exitCode,omitempty"` // of a die
	Health    string    `json:"health,omitempty"`   // of a health_status: healthy or unhealthy
	Network   string    `json:"network,omitempty"`  // of a connect or disconnect: its name; empty where the engine does not say, as Podman 4.3
}

// LogOptions choose what Logs gives.
type LogOptions struct {
	Follow bool
	Tail   int       // the last lines only; 0 for all, -1 for none (with Follow: only what is written from now on)
	Since  time.Time // zero: from the first
	Until  time.Time // zero: to the last
}

// LogLine is a line a container wrote, without its line end.
type LogLine struct {
	Time   time.Time // the engine's stamp: nanoseconds on Docker, whole seconds on Podman 4.3
	Stderr bool
	Text   string
}
