package docker

import (
	"context"
	"errors"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/network"
	"github.com/moby/moby/client"

	"github.com/letta-dev/letta-dev/compose"
	"github.com/letta-dev/letta-dev/orchestrator"
)

const project = "ldt-docker"

// withProbe is the engine with the probe's image in it.
func withProbe(t *testing.T) *Engine {
	t.Helper()
	e := testEngine(t)
	archive := probeArchive(t)
	forgetImage(t, e, probeImage)
	must(t, e, orchestrator.Step{Action: orchestrator.Load, Target: probeImage, Archive: archive})
	return e
}

func must(t *testing.T, e *Engine, step orchestrator.Step) {
	t.Helper()
	step.Project = project
	if err := e.Do(t.Context(), step, nil); err != nil {
		t.Fatalf("%s %s: %v", step.Action, step.Target, err)
	}
}

func probeSpec(argv ...string) *orchestrator.Spec {
	return &orchestrator.Spec{
		Service:   compose.Service{Name: "probe", Image: probeImage, Entrypoint: []string{"/probe"}, Command: argv},
		OurLabels: ourLabels(project),
	}
}

// raw makes a container without letta-dev, as anybody could.
func raw(t *testing.T, e *Engine, name string, config *container.Config) string {
	t.Helper()
	config.Image = e.qualify(probeImage)
	discardRaw(t, e, name)
	r, err := e.api.ContainerCreate(t.Context(), client.ContainerCreateOptions{Name: name, Config: config})
	if err != nil {
		t.Fatal(err)
	}
	return r.ID
}

// discardRaw removes a container with all that hangs on it at the end of the test.
func discardRaw(t *testing.T, e *Engine, name string) {
	t.Cleanup(func() {
		_, _ = e.api.ContainerRemove(context.Background(), name, client.ContainerRemoveOptions{Force: true, RemoveVolumes: true})
	})
}

func inspect(t *testing.T, e *Engine, name string) container.InspectResponse {
	t.Helper()
	r, err := e.api.ContainerInspect(t.Context(), name, client.ContainerInspectOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return r.Container
}

// A container without any label belongs to somebody, and so does one that forges half of ours.
func TestUnlabelledContainersAreSpared(t *testing.T) {
	e := withProbe(t)
	for what, labels := range map[string]map[string]string{
		"none": nil, "managed only": {orchestrator.LabelManaged: "true"}, "project only": {orchestrator.LabelProject: project},
	} {
		name := "ldt-docker-unlabelled"
		id := raw(t, e, name, &container.Config{Cmd: []string{"/probe", "serve"}, Labels: labels})
		var taken *orchestrator.NameTakenError
		create := orchestrator.Step{Action: orchestrator.Create, Target: name, Project: project, Spec: probeSpec("serve")}
		if err := e.Do(t.Context(), create, nil); !errors.As(err, &taken) {
			t.Errorf("%s: %v", what, err)
		}
		for _, a := range []orchestrator.Action{orchestrator.Start, orchestrator.Stop, orchestrator.Remove} {
			var foreign *orchestrator.ForeignError
			if err := e.Do(t.Context(), orchestrator.Step{Action: a, Target: name, Project: project}, nil); !errors.As(err, &foreign) {
				t.Errorf("%s: %s: %v", what, a, err)
			}
		}
		if c := inspect(t, e, name); c.ID != id || c.State.Running {
			t.Errorf("%s: it was touched", what)
		}
		if _, err := e.api.ContainerRemove(t.Context(), id, client.ContainerRemoveOptions{Force: true}); err != nil {
			t.Fatal(err)
		}
	}
}

// A name may be the start of another container's ID, which the API would take for it.
func TestNameThatIsTheStartOfAnID(t *testing.T) {
	e := withProbe(t)
	id := raw(t, e, "ldt-docker-prefix", &container.Config{Labels: ourLabels(project)})
	step := orchestrator.Step{Action: orchestrator.Remove, Target: id[:12], Project: project}
	if err := e.Do(t.Context(), step, nil); err != nil {
		t.Fatal(err)
	}
	if c := inspect(t, e, id); c.ID != id {
		t.Error("another container was removed")
	}
}

// Docker before 23 makes two networks of one name. Ours is found and removed beside the other, which stays.
func TestTwinNetworks(t *testing.T) {
	e := testEngine(t)
	const name = "ldt-docker-twin"
	make := func(labels map[string]string) string {
		r, err := e.api.NetworkCreate(t.Context(), name, client.NetworkCreateOptions{Labels: labels})
		if err != nil {
			t.Skip("NOT TESTED, this engine makes no twins: ", err)
		}
		t.Cleanup(func() { _, _ = e.api.NetworkRemove(context.Background(), r.ID, client.NetworkRemoveOptions{}) })
		return r.ID
	}
	theirs := make(nil)
	make(ourLabels(project))
	o, err := e.Observe(t.Context(), orchestrator.Query{Project: project, Networks: []string{name}})
	if err != nil || !o.Networks[name].Ours(project) {
		t.Errorf("ours is not seen: %v, %v", o.Networks, err)
	}
	var foreign *orchestrator.ForeignError
	for _, a := range []orchestrator.Action{orchestrator.CreateNetwork, orchestrator.RemoveNetwork} {
		if err := e.Do(t.Context(), orchestrator.Step{Action: a, Target: name, Project: project}, nil); !errors.As(err, &foreign) {
			t.Errorf("%s: %v", a, err)
		}
	}
	left, err := e.networksNamed(t.Context(), name)
	if err != nil || len(left) != 1 || left[0].ID != theirs {
		t.Errorf("left: %+v, %v", left, err)
	}
}

func TestLogOfATerminal(t *testing.T) {
	e := withProbe(t)
	id := raw(t, e, "ldt-docker-tty", &container.Config{Cmd: []string{"/probe", "lines", "3"}, Tty: true})
	if _, err := e.api.ContainerStart(t.Context(), id, client.ContainerStartOptions{}); err != nil {
		t.Fatal(err)
	}
	var texts []string
	err := e.Logs(t.Context(), "ldt-docker-tty", orchestrator.LogOptions{Follow: true}, func(l orchestrator.LogLine) {
		texts = append(texts, l.Text)
		if l.Time.IsZero() {
			t.Errorf("%q has no stamp", l.Text)
		}
	})
	if err != nil || !slices.Equal(texts, []string{"line 1", "line 2", "line 3"}) {
		t.Errorf("%q, %v", texts, err)
	}
}

// An anonymous volume may hold a database: it outlives its container. One of a container that never ran holds nothing.
func TestAnonymousVolumes(t *testing.T) {
	e := withProbe(t)
	const name = "ldt-docker-anonymous"
	id := raw(t, e, name, &container.Config{Volumes: map[string]struct{}{"/data": {}}, Labels: ourLabels(project)})
	volume := inspect(t, e, id).Mounts[0].Name
	t.Cleanup(func() { _, _ = e.api.VolumeRemove(context.Background(), volume, client.VolumeRemoveOptions{}) })
	must(t, e, orchestrator.Step{Action: orchestrator.Remove, Target: name})
	if _, err := e.api.VolumeInspect(t.Context(), volume, client.VolumeInspectOptions{}); err != nil {
		t.Errorf("it went with its container: %v", err)
	}

	id = raw(t, e, name, &container.Config{Volumes: map[string]struct{}{"/data": {}}, Labels: ourLabels(project), Entrypoint: []string{"/nope"}})
	volume2 := inspect(t, e, id).Mounts[0].Name
	err := e.Do(t.Context(), orchestrator.Step{Action: orchestrator.Start, Target: name, Project: project}, nil)
	if err == nil || !strings.Contains(err.Error(), "/nope") {
		t.Errorf("the start of a program that is not there: %v", err)
	}
	if _, err := e.api.VolumeInspect(t.Context(), volume2, client.VolumeInspectOptions{}); err == nil {
		t.Error("the volume of a container that never ran stayed")
	}
}

// A file that is missing is told, and no folder stands in its place afterwards.
func TestMissingFileIsNoFolder(t *testing.T) {
	e := withProbe(t)
	source := filepath.Join(t.TempDir(), "init.sql")
	const name = "ldt-docker-file"
	discardRaw(t, e, name)
	err := e.Do(t.Context(), orchestrator.Step{Action: orchestrator.Create, Target: name, Project: project, Spec: &orchestrator.Spec{
		Service: compose.Service{Name: "x", Image: probeImage, Mounts: []compose.Mount{{Kind: "bind", Source: source, Target: "/init.sql"}}},
	}}, nil)
	var missing *orchestrator.MissingFileError
	if !errors.As(err, &missing) || !strings.Contains(err.Error(), source) {
		t.Errorf("got %v", err)
	}
	if _, err := os.Stat(source); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("after that there is something in the place of the file: %v", err)
	}
}

// So is one that went while its container was stopped.
func TestMissingFileAtAStart(t *testing.T) {
	e := withProbe(t)
	source := filepath.Join(t.TempDir(), "init.sql")
	if err := os.WriteFile(source, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	const name = "ldt-docker-file-gone"
	discardRaw(t, e, name)
	spec := probeSpec("serve")
	spec.Mounts = []compose.Mount{{Kind: "bind", Source: source, Target: "/init.sql"}}
	must(t, e, orchestrator.Step{Action: orchestrator.Create, Target: name, Spec: spec})
	must(t, e, orchestrator.Step{Action: orchestrator.Start, Target: name})
	must(t, e, orchestrator.Step{Action: orchestrator.Stop, Target: name, Grace: 5 * time.Second})
	if err := os.Remove(source); err != nil {
		t.Fatal(err)
	}
	err := e.Do(t.Context(), orchestrator.Step{Action: orchestrator.Start, Target: name, Project: project}, nil)
	var missing *orchestrator.MissingFileError
	if !errors.As(err, &missing) || !strings.Contains(err.Error(), source) || missing.Hint() == "" {
		t.Errorf("got %v", err)
	}
	inspect(t, e, name) // it ran before, and stays
}

// A container that ran before keeps its writable layer when a later start fails.
func TestFailedRestartKeepsTheContainer(t *testing.T) {
	e := withProbe(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := l.Addr().(*net.TCPAddr).Port
	_ = l.Close()
	const name = "ldt-docker-restart"
	discardRaw(t, e, name)
	spec := probeSpec("serve")
	spec.Ports = []compose.Port{{Target: 8283, HostIP: "127.0.0.1", HostPort: port, Protocol: "tcp"}}
	must(t, e, orchestrator.Step{Action: orchestrator.Create, Target: name, Spec: spec})
	must(t, e, orchestrator.Step{Action: orchestrator.Start, Target: name})
	must(t, e, orchestrator.Step{Action: orchestrator.Stop, Target: name, Grace: 5 * time.Second})
	if l, err = net.Listen("tcp", l.Addr().String()); err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	var taken *orchestrator.PortTakenError
	if err := e.Do(t.Context(), orchestrator.Step{Action: orchestrator.Start, Target: name, Project: project}, nil); !errors.As(err, &taken) {
		t.Errorf("the port is taken: %v", err)
	}
	if inspect(t, e, name).State.Running {
		t.Error("it runs")
	}
}

func TestNetworksAndGateway(t *testing.T) {
	e := withProbe(t)
	const name = "ldt-docker-joined"
	for _, n := range []string{"ldt-docker-front", "ldt-docker-back"} {
		must(t, e, orchestrator.Step{Action: orchestrator.CreateNetwork, Target: n})
		t.Cleanup(func() {
			step := orchestrator.Step{Action: orchestrator.RemoveNetwork, Target: n, Project: project}
			if err := e.Do(context.Background(), step, nil); err != nil {
				t.Error(err)
			}
		})
	}
	discardRaw(t, e, name)
	spec := probeSpec("serve")
	spec.Networks = []compose.Attachment{{Network: "front", Aliases: []string{"letta"}}, {Network: "back"}}
	spec.NetworkNames = map[string]string{"front": "ldt-docker-front", "back": "ldt-docker-back"}
	spec.ExtraHosts = []string{"host.docker.internal:host-gateway", "fixed:10.1.2.3"}
	must(t, e, orchestrator.Step{Action: orchestrator.Create, Target: name, Spec: spec})
	must(t, e, orchestrator.Step{Action: orchestrator.Start, Target: name})
	c := inspect(t, e, name)
	front, back := c.NetworkSettings.Networks["ldt-docker-front"], c.NetworkSettings.Networks["ldt-docker-back"]
	if front == nil || back == nil || !slices.Contains(front.Aliases, "letta") || !slices.Contains(back.Aliases, "probe") {
		t.Fatalf("networks %+v", c.NetworkSettings.Networks)
	}
	if d := detailed(c); len(d.Addresses) != 2 || len(d.Networks) != 2 || d.Networks[0].Name != "ldt-docker-back" || d.Networks[1].Name != "ldt-docker-front" {
		t.Errorf("addresses %v in %v", d.Addresses, d.Networks)
	}
	if e.podman && slices.Contains(c.HostConfig.ExtraHosts, "host.docker.internal:host-gateway") {
		t.Errorf("extra hosts %v", c.HostConfig.ExtraHosts)
	}
	if spec.ExtraHosts[0] != "host.docker.internal:host-gateway" {
		t.Error("the caller's specification was changed")
	}
}

// The database is asked to stop while the container still runs.
func TestStopAsksTheDatabaseFirst(t *testing.T) {
	e := withProbe(t)
	if e.podman {
		t.Skip("NOT TESTED on Podman: it has no event for a command that is not there")
	}
	const name = "ldt-docker-database"
	discardRaw(t, e, name)
	must(t, e, orchestrator.Step{Action: orchestrator.Create, Target: name, Spec: probeSpec("serve")})
	must(t, e, orchestrator.Step{Action: orchestrator.Start, Target: name})
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	stream := e.api.Events(ctx, client.EventsListOptions{Filters: make(client.Filters).Add("container", name)})
	must(t, e, orchestrator.Step{Action: orchestrator.Stop, Target: name, Grace: 5 * time.Second, Database: true})
	var seen []string
	for !slices.Contains(seen, "die") {
		select {
		case m := <-stream.Messages:
			action, argv, _ := strings.Cut(string(m.Action), ":")
			if action == "exec_create" && !strings.Contains(argv, "gosu postgres pg_ctl -D /var/lib/postgresql/data -m fast -w stop") {
				t.Errorf("it was asked %q", argv)
			}
			seen = append(seen, action)
		case err := <-stream.Err:
			t.Fatalf("after %q: %v", seen, err)
		}
	}
	if ask := slices.Index(seen, "exec_create"); ask < 0 || ask > slices.Index(seen, "die") {
		t.Errorf("events %q", seen)
	}
}

// An engine that goes away in the middle of anything is told apart from one that refuses.
func TestEngineThatGoesAway(t *testing.T) {
	e := withProbe(t)
	const name = "ldt-docker-away"
	discardRaw(t, e, name)
	must(t, e, orchestrator.Step{Action: orchestrator.Create, Target: name, Spec: probeSpec("serve")})
	must(t, e, orchestrator.Step{Action: orchestrator.Start, Target: name})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	cut := relay(t, l, socketOf(t, e))
	o := withEnv(t, nil)
	o.Host = "tcp://" + l.Addr().String()
	far, err := Find(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	defer far.Close()
	watching, following, ended := make(chan struct{}), make(chan struct{}), make(chan error, 2)
	go func() {
		ended <- far.Watch(t.Context(), func() { close(watching) }, func(orchestrator.Happening) {})
	}()
	go func() {
		ended <- far.Logs(t.Context(), name, orchestrator.LogOptions{Follow: true}, func(orchestrator.LogLine) { close(following) })
	}()
	<-watching
	<-following
	cut()
	for range 2 {
		unreachable(t, <-ended)
	}
	_, err = far.Observe(t.Context(), orchestrator.Query{})
	unreachable(t, err)
	unreachable(t, far.Do(t.Context(), orchestrator.Step{Action: orchestrator.Start, Target: name, Project: project}, nil))
}

func TestNamesAreNoPaths(t *testing.T) {
	e := testEngine(t)
	for _, name := range []string{"../containers/x", "a/b", "", ".", "..", "a b", "a?b", "ü", "a%2fb"} {
		for _, a := range []orchestrator.Action{orchestrator.RemoveVolume, orchestrator.Remove, orchestrator.Stop, orchestrator.RemoveNetwork} {
			err := e.Do(t.Context(), orchestrator.Step{Action: a, Target: name, Project: project}, nil)
			if err == nil || !strings.Contains(err.Error(), "cannot be a name") {
				t.Errorf("%s %q: %v", a, name, err)
			}
		}
		if _, err := e.Exec(t.Context(), name, []string{"x"}, nil, nil, nil); err == nil || !strings.Contains(err.Error(), "cannot be a name") {
			t.Errorf("exec in %q: %v", name, err)
		}
	}
	o, err := e.Observe(t.Context(), orchestrator.Query{Images: []string{"../containers/x", "UPPER", ""}})
	if err != nil || len(o.Images) != 0 {
		t.Errorf("images %v, %v", o.Images, err)
	}
}

func TestInfoOfThisEngine(t *testing.T) {
	i := testEngine(t).Info()
	if i.Version == "" || i.API == "" || i.Found != "--host" || i.Host == "" {
		t.Errorf("%+v", i)
	}
}

func TestDetailedOfAContainerThatIsGoing(t *testing.T) {
	patient := 90
	if c := detailed(container.InspectResponse{Config: &container.Config{StopTimeout: &patient}}); c.StopGrace != 90*time.Second {
		t.Errorf("a container with 90 s to stop is observed with %s", c.StopGrace)
	}
	if c := detailed(container.InspectResponse{ID: "x", Name: "/n"}); c.Name != "n" || c.Running {
		t.Errorf("%+v", c)
	}
	settings := &container.NetworkSettings{Ports: network.PortMap{
		network.MustParsePort("80/tcp"): nil, network.MustParsePort("81/tcp"): {{HostPort: "x"}, {HostPort: "5"}},
	}}
	if got := published(settings); len(got) != 1 || got[0] != (orchestrator.Published{Port: 81, HostIP: netip.IPv4Unspecified(), HostPort: 5, Protocol: "tcp"}) {
		t.Errorf("%+v", got)
	}
}

// A container has the health check of its image where its own says nothing, and where it gives no test.
func TestTheHealthcheckOfAnImage(t *testing.T) {
	e := withProbe(t)
	if e.podman {
		t.Skip("NOT TESTED on Podman: without systemd it runs no health checks")
	}
	const image = "localhost/ldt-docker-healthy:1"
	base := raw(t, e, "ldt-docker-base", &container.Config{})
	if _, err := e.api.ContainerCommit(t.Context(), base, client.ContainerCommitOptions{
		Reference: image, Config: &container.Config{}, Changes: []string{`HEALTHCHECK --interval=100ms CMD ["/probe", "lines", "1"]`},
	}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = e.api.ImageRemove(context.Background(), image, client.ImageRemoveOptions{}) })
	for name, own := range map[string]*compose.Healthcheck{"none": nil, "an interval": {Interval: 50 * time.Millisecond}} {
		t.Run(name, func(t *testing.T) {
			const name = "ldt-docker-healthy"
			spec := probeSpec("serve")
			spec.Image, spec.Healthcheck = image, own
			discardRaw(t, e, name)
			must(t, e, orchestrator.Step{Action: orchestrator.Create, Target: name, Spec: spec})
			must(t, e, orchestrator.Step{Action: orchestrator.Start, Target: name})
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			for inspect(t, e, name).State.Health == nil || inspect(t, e, name).State.Health.Status != container.Healthy {
				if ctx.Err() != nil {
					t.Fatalf("it is not healthy: %+v", inspect(t, e, name).State)
				}
			}
			must(t, e, orchestrator.Step{Action: orchestrator.Stop, Target: name, Grace: time.Second})
			must(t, e, orchestrator.Step{Action: orchestrator.Remove, Target: name})
		})
	}
}
