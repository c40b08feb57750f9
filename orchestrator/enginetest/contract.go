package enginetest

import (
	"context"
	"errors"
	"io"
	"slices"
	"testing"
	"time"

	"github.com/letta-dev/letta-dev/compose"
	"github.com/letta-dev/letta-dev/orchestrator"
)

// Subject is an engine to be held to the contract. It must be local: its published ports are dialled.
type Subject struct {
	Engine  orchestrator.Engine
	Prefix  string                // of the name of everything the contract makes and removes again
	Image   string                // the reference that Archive brings; probe.Run is its /probe
	Archive func(io.Writer) error // for Load

	// What people do to containers past letta-dev.
	Pause func(ctx context.Context, container string) error
	Leave func(ctx context.Context, network, container string) error
	Copy  func(ctx context.Context, container, name string) error // runs a commit of it
}

// patience ends a case that hangs. Nothing is decided by it.
const patience = 30 * time.Second

// Contract checks what orchestrator.Engine promises. What it makes is gone at its end, but for the image.
func Contract(t *testing.T, s Subject) {
	newSubject(t, s).must(t, orchestrator.Step{Action: orchestrator.Load, Target: s.Image, Archive: s.Archive})
	for _, c := range []struct {
		name string
		run  func(*testing.T, subject)
	}{
		{"a load brings an image, twice too", loads},
		{"an image that is not there is a PullError", refusesUnknownImages},
		{"an image of others is not removed", sparesForeignImages},
		{"networks and volumes are labelled and made once", makesStores},
		{"networks and volumes of others are left alone", sparesForeignStores},
		{"a volume in use stays", keepsVolumesInUse},
		{"a container is made, started and seen", runsContainers},
		{"a step done twice is a success", repeats},
		{"a container rejoins a network that was made anew", rejoins},
		{"a network that is gone is left", leavesWhatIsGone},
		{"a taken name stops a creation", sparesTakenNames},
		{"a container of others is left alone", sparesForeignContainers},
		{"a copy of a container is not ours", sparesCopies},
		{"a running container is not removed", keepsRunningContainers},
		{"a creation that cannot be leaves nothing", createsWholly},
		{"a port clash is told and leaves nothing half made", tellsPortClashes},
		{"a stop is polite, then forced", stops},
		{"a container that dies is started again, and counted", restarts},
		{"a health check is seen with what it said", checksHealth},
		{"a paused container is seen, told, and goes on", unpauses},
		{"a paused container is stopped", stopsPaused},
		{"a container that left its network is seen, told, and joins it again", joins},
		{"events come in order", watches},
		{"a log is read by stream, tail and time", readsLogs},
		{"a long line is one line, and the last needs no end", keepsLinesWhole},
		{"a log is followed to the end", followsLogs},
		{"exec carries streams and exit code", execs},
		{"an ended context ends every call", heedsContext},
		{"a step without a project is refused", wantsProject},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.run(t, newSubject(t, s))
		})
	}
}

// subject is a Subject in one case.
type subject struct {
	Subject
	ctx     context.Context
	project string
}

func newSubject(t *testing.T, s Subject) subject {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return subject{Subject: s, ctx: ctx, project: s.Prefix + "contract"}
}

// as is the same engine in the hands of another project.
func (s subject) as(project string) subject {
	s.project = s.Prefix + project
	return s
}

func (s subject) do(step orchestrator.Step) error {
	step.Project = s.project
	return s.Engine.Do(s.ctx, step, nil)
}

func (s subject) must(t *testing.T, step orchestrator.Step) {
	t.Helper()
	if err := s.do(step); err != nil {
		t.Fatalf("%s %s: %v", step.Action, step.Target, err)
	}
}

// labels are what letta-dev puts on a container of the project.
func (s subject) labels() orchestrator.Labels {
	return orchestrator.Labels{
		orchestrator.LabelManaged: "true", orchestrator.LabelProject: s.project, orchestrator.LabelService: "probe", orchestrator.LabelHash: "1",
	}
}

func (s subject) spec(argv ...string) *orchestrator.Spec {
	return &orchestrator.Spec{
		Service:   compose.Service{Name: "probe", Image: s.Image, Entrypoint: []string{"/probe"}, Command: argv},
		OurLabels: s.labels(),
	}
}

// publishing adds port 8283 on loopback, on a free port when hostPort is 0.
func publishing(spec *orchestrator.Spec, hostPort int) *orchestrator.Spec {
	spec.Ports = []compose.Port{{Target: 8283, HostIP: "127.0.0.1", HostPort: hostPort, Protocol: "tcp"}}
	return spec
}

// create makes a container that is gone at the end of the case.
func (s subject) create(t *testing.T, name string, spec *orchestrator.Spec) string {
	t.Helper()
	name = s.Prefix + name
	s.discard(t, name)
	s.must(t, orchestrator.Step{Action: orchestrator.Create, Target: name, Spec: spec})
	return name
}

// run makes a container and starts it.
func (s subject) run(t *testing.T, name string, spec *orchestrator.Spec) string {
	t.Helper()
	name = s.create(t, name, spec)
	s.must(t, orchestrator.Step{Action: orchestrator.Start, Target: name})
	return name
}

// discard removes a container at the end of the case, whatever became of it.
func (s subject) discard(t *testing.T, name string) {
	s.atEnd(t,
		orchestrator.Step{Action: orchestrator.Stop, Target: name, Grace: time.Second},
		orchestrator.Step{Action: orchestrator.Remove, Target: name})
}

func (s subject) atEnd(t *testing.T, steps ...orchestrator.Step) {
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		s.ctx = ctx
		for _, step := range steps {
			if err := s.do(step); err != nil {
				t.Errorf("cleaning up: %s %s: %v", step.Action, step.Target, err)
			}
		}
	})
}

func (s subject) observe(t *testing.T, q orchestrator.Query) orchestrator.Observation {
	t.Helper()
	q.Project = s.project
	o, err := s.Engine.Observe(s.ctx, q)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// see is the container as it stands, or false.
func (s subject) see(t *testing.T, name string) (orchestrator.Container, bool) {
	t.Helper()
	o := s.observe(t, orchestrator.Query{Names: []string{name}})
	i := slices.IndexFunc(o.Containers, func(c orchestrator.Container) bool { return c.Name == name })
	if i < 0 {
		return orchestrator.Container{}, false
	}
	return o.Containers[i], true
}

// standing is the container, which must be there.
func (s subject) standing(t *testing.T, name string) orchestrator.Container {
	t.Helper()
	c, found := s.see(t, name)
	if !found {
		t.Fatalf("container %q is not there", name)
	}
	return c
}

// wantForeign fails unless err says that the thing is somebody else's.
func wantForeign(t *testing.T, err error, kind string) {
	t.Helper()
	var foreign *orchestrator.ForeignError
	if !errors.As(err, &foreign) || foreign.Kind != kind {
		t.Errorf("want a ForeignError about a %s, got %v", kind, err)
	}
}
