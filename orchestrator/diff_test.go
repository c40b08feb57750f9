package orchestrator

import (
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/letta-dev/letta-dev/compose"
)

// stack is Letta's own compose.yaml in small: a database, and a server that waits until it is healthy.
func stack(change func(*compose.Project)) Want {
	p := &compose.Project{
		Name: "p",
		Services: []compose.Service{
			{Name: "db", ContainerName: "p-db-1", Image: "pg:15", Mounts: []compose.Mount{{Kind: "volume", Source: "data", Target: "/data"}},
				Networks: []compose.Attachment{{Network: "default"}}},
			{Name: "letta", ContainerName: "letta-server", Image: "letta/letta:0.16.8", Environment: map[string]string{"OPENAI_API_KEY": "sk-1"},
				Mounts:    []compose.Mount{{Kind: "bind", Source: "/srv/letta", Target: databaseFolder}},
				Networks:  []compose.Attachment{{Network: "default"}},
				DependsOn: []compose.Dependency{{Service: "db", Condition: Healthy}}},
		},
		Networks: map[string]compose.Network{"default": {Name: "p_default"}},
		Volumes:  map[string]compose.Volume{"data": {Name: "p_data"}},
		Settings: compose.Settings{Server: "letta"},
	}
	if change != nil {
		change(p)
	}
	return WantOf(p)
}

// standing is the engine after w was brought up.
func standing(w Want) Observation {
	have := Observation{Images: map[string]Image{}, Networks: map[string]Network{}, Volumes: map[string]Labels{}}
	ours := Labels{LabelManaged: "true", LabelProject: w.Project}
	for _, n := range w.Networks {
		have.Networks[n] = Network{ID: "id of " + n, Labels: ours}
	}
	for i, s := range w.Services {
		have.Images[s.Image] = Image{ID: "id of " + s.Image}
		have.Containers = append(have.Containers, Container{
			ID: s.Name, Name: s.ContainerName, Image: s.Image, ImageID: "id of " + s.Image, Labels: s.OurLabels, Running: true, Status: "running",
			StartedAt: time.Unix(int64(i), 0), Networks: []Attached{{Name: "p_default", ID: "id of p_default"}},
		})
	}
	for _, v := range w.Volumes {
		have.Volumes[v] = ours
	}
	return have
}

func words(p Plan) string {
	var all []string
	for _, s := range p.Steps {
		all = append(all, string(s.Action)+" "+s.Target)
	}
	return strings.Join(all, "\n")
}

func mustDiff(t *testing.T, w Want, have Observation) Plan {
	t.Helper()
	p, err := Diff(w, have)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestDiffFromNothing(t *testing.T) {
	p := mustDiff(t, stack(nil), Observation{})
	want := strings.Join([]string{
		"create network p_default", "create volume p_data",
		"pull image pg:15", "pull image letta/letta:0.16.8", "create container p-db-1", "start container p-db-1", "create container letta-server",
		"wait for container p-db-1", "start container letta-server", "wait for container letta-server",
	}, "\n")
	if got := words(p); got != want {
		t.Errorf("plan:\n%s\nwant:\n%s", got, want)
	}
	for _, s := range p.Steps {
		if s.Cause == "" || s.Project != "p" {
			t.Errorf("step %v: every step has a cause and a project", s)
		}
	}
}

// A step may start only after all that it needs, at any depth.
func TestDiffNeeds(t *testing.T) {
	p := mustDiff(t, stack(nil), Observation{})
	index := map[string]int{}
	for i, s := range p.Steps {
		index[string(s.Action)+" "+s.Target] = i
	}
	for _, pair := range [][2]string{
		{"start container letta-server", "wait for container p-db-1"},
		{"wait for container p-db-1", "start container p-db-1"},
		{"start container p-db-1", "create container p-db-1"},
		{"start container p-db-1", "pull image letta/letta:0.16.8"}, // from then on the time to wait runs
		{"create container p-db-1", "pull image pg:15"},
		{"create container p-db-1", "create volume p_data"},
		{"create container p-db-1", "create network p_default"},
		{"create container letta-server", "create network p_default"},
		{"wait for container letta-server", "start container letta-server"},
	} {
		if !reaches(p, index[pair[0]], index[pair[1]]) {
			t.Errorf("%q does not wait for %q", pair[0], pair[1])
		}
	}
}

func reaches(p Plan, from, to int) bool {
	for _, n := range p.Steps[from].needs {
		if n == to || reaches(p, n, to) {
			return true
		}
	}
	return false
}

func TestDiffOfWhatStandsIsEmpty(t *testing.T) {
	w := stack(nil)
	if p := mustDiff(t, w, standing(w)); len(p.Steps) != 0 || !strings.Contains(p.String(), "nothing to do") {
		t.Errorf("a second up would:\n%s", p)
	}
}

// A change touches only the container it is of, and the plan says what changed without showing a value.
func TestDiffOfOneChange(t *testing.T) {
	before := stack(nil)
	for _, tc := range []struct {
		name, cause string
		change      func(*compose.Service)
		pull        bool
	}{
		{"variable", "variable OPENAI_API_KEY changed", func(s *compose.Service) { s.Environment["OPENAI_API_KEY"] = "sk-2" }, false},
		{"new variable", "variable X was added", func(s *compose.Service) { s.Environment["X"] = "1" }, false},
		{"variable gone", "variable OPENAI_API_KEY was removed", func(s *compose.Service) { s.Environment = nil }, false},
		{"port", "ports was added", func(s *compose.Service) { s.Ports = []compose.Port{{Target: 8283, HostIP: "127.0.0.1"}} }, false},
		{"image", "image changed", func(s *compose.Service) { s.Image = "letta/letta:0.16.9" }, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p := mustDiff(t, stack(func(p *compose.Project) { tc.change(&p.Services[1]) }), standing(before))
			want := "stop container letta-server\nremove container letta-server\ncreate container letta-server\nwait for container p-db-1\n" +
				"start container letta-server\nwait for container letta-server"
			if tc.pull {
				want = "pull image letta/letta:0.16.9\n" + want
			}
			if got := words(p); got != want {
				t.Errorf("plan:\n%s\nwant:\n%s", got, want)
			}
			if !strings.Contains(p.String(), "because "+tc.cause) || strings.Contains(p.String(), "sk-") {
				t.Errorf("plan does not say that %s, or shows a secret:\n%s", tc.cause, p)
			}
			if tc.pull && !reaches(p, 1, 0) {
				t.Error("the old container is stopped before the new image is there")
			}
		})
	}
}

func TestDiffOfStates(t *testing.T) {
	w := stack(nil)
	for name, tc := range map[string]struct {
		change func(*Container)
		want   string
	}{
		"stopped": {func(c *Container) { c.Running, c.Status = false, "exited" },
			"wait for container p-db-1\nstart container letta-server\nwait for container letta-server"},
		"paused": {func(c *Container) { c.Status = "paused" },
			"unpause container letta-server\nwait for container letta-server"},
		"paused without its network": {func(c *Container) { c.Status, c.Networks = "paused", nil },
			"connect container letta-server\nunpause container letta-server\nwait for container letta-server"},
		"start failed": {func(c *Container) { c.Running, c.Status = false, "created" },
			"remove container letta-server\ncreate container letta-server\nwait for container p-db-1\nstart container letta-server\nwait for container letta-server"},
		"tag moved": {func(c *Container) { c.ImageID = "older" },
			"stop container letta-server\nremove container letta-server\ncreate container letta-server\nwait for container p-db-1\nstart container letta-server\nwait for container letta-server"},
	} {
		t.Run(name, func(t *testing.T) {
			have := standing(w)
			tc.change(&have.Containers[1])
			if got := words(mustDiff(t, w, have)); got != tc.want {
				t.Errorf("plan:\n%s\nwant:\n%s", got, tc.want)
			}
		})
	}
}

// A container whose network was removed, made anew or taken from it finds its way back before it starts, and is not made anew.
func TestDiffOfNetworks(t *testing.T) {
	w := stack(nil)
	const again = "wait for container p-db-1\nstart container letta-server\nwait for container letta-server"
	for name, tc := range map[string]struct {
		change func(have *Observation, server *Container)
		want   string
		cause  string
	}{
		"pruned": {func(have *Observation, server *Container) {
			delete(have.Networks, "p_default")
			for i := range have.Containers {
				have.Containers[i].Networks[0].ID = ""
				have.Containers[i].Running, have.Containers[i].Status = false, "exited"
			}
		}, "create network p_default\nconnect container p-db-1\nstart container p-db-1\nconnect container letta-server\n" + again,
			"network p_default is another one now"},
		"made anew by hand": {func(have *Observation, server *Container) {
			server.Networks[0].ID = ""
			server.Running, server.Status = false, "exited"
		}, "connect container letta-server\n" + again, "network p_default is another one now"},
		"in another one of the name": {func(have *Observation, server *Container) { server.Networks[0].ID = "id of a twin" },
			"connect container letta-server\nwait for container letta-server", "network p_default is another one now"},
		"disconnected": {func(have *Observation, server *Container) { server.Networks = nil },
			"connect container letta-server\nwait for container letta-server", "it is not in network p_default"},
		"stopped and disconnected": {func(have *Observation, server *Container) {
			server.Networks, server.Running, server.Status = nil, false, "exited"
		}, "connect container letta-server\n" + again, "it is not in network p_default"},
		"another one gone": {func(have *Observation, server *Container) {
			server.Networks = append(server.Networks, Attached{Name: "extra"})
			server.Running, server.Status = false, "exited"
		}, "disconnect container letta-server\n" + again, "network extra is gone"},
		"in a network of its user": {func(have *Observation, server *Container) {
			server.Networks = append(server.Networks, Attached{Name: "extra", ID: "id of extra"})
		}, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			have := standing(w)
			tc.change(&have, &have.Containers[1])
			p := mustDiff(t, w, have)
			if got := words(p); got != tc.want || !strings.Contains(p.String(), tc.cause) {
				t.Errorf("plan:\n%s\nwant:\n%s\nbecause %s", p, tc.want, tc.cause)
			}
			for i, s := range p.Steps {
				if connects := slices.IndexFunc(p.Steps, func(c Step) bool { return c.Network != "" && c.Target == s.Target }); s.Action == Start && connects >= 0 && !reaches(p, i, connects) {
					t.Errorf("%s does not wait for its network", s)
				}
			}
		})
	}
}

// A container that was renamed by hand is found by its labels, and has its name again; what has taken the name meanwhile stays.
func TestDiffOfARenamedContainer(t *testing.T) {
	w := stack(nil)
	have := standing(w)
	have.Containers[1].Name, have.Containers[1].Running, have.Containers[1].Status = "old", false, "exited"
	p := mustDiff(t, w, have)
	want := "remove container old\ncreate container letta-server\nwait for container p-db-1\nstart container letta-server\nwait for container letta-server"
	if got := words(p); got != want || !strings.Contains(p.String(), "renamed from letta-server") {
		t.Errorf("plan:\n%s", p)
	}
	have.Containers = append(have.Containers, Container{Name: "letta-server", Image: "theirs"})
	var taken *NameTakenError
	if _, err := Diff(w, have); !errors.As(err, &taken) || taken.Image != "theirs" {
		t.Errorf("somebody else has the name: %v", err)
	}
}

// What the image wants a volume for gets a named one, or memory where the database is elsewhere; what the file says holds.
func TestPlaceOfTheDatabase(t *testing.T) {
	elsewhere := map[string]string{databaseURI: "postgresql://db/letta"}
	own := []compose.Mount{{Kind: "volume", Source: "data", Target: databaseFolder}}
	for name, row := range map[string]struct {
		service compose.Service
		mounts  []compose.Mount
		tmpfs   []string
		volumes []string
	}{
		"named by nobody":           {service: compose.Service{Image: "letta/letta"}, mounts: []compose.Mount{{Kind: "volume", Source: databaseVolume, Target: databaseFolder}}, volumes: []string{"p_data", "p_letta_data"}},
		"elsewhere":                 {service: compose.Service{Environment: elsewhere}, tmpfs: []string{databaseFolder}, volumes: []string{"p_data"}},
		"mounted":                   {service: compose.Service{Mounts: own}, mounts: own, volumes: []string{"p_data"}},
		"mounted, though elsewhere": {service: compose.Service{Mounts: own, Environment: elsewhere}, mounts: own, volumes: []string{"p_data"}},
		"in memory":                 {service: compose.Service{Tmpfs: []string{databaseFolder + ":size=1g"}}, tmpfs: []string{databaseFolder + ":size=1g"}, volumes: []string{"p_data"}},
		"of the demo":               {service: compose.Service{Image: DemoImage + ":1"}, volumes: []string{"p_data"}},
	} {
		t.Run(name, func(t *testing.T) {
			row.service.Name = "letta"
			w := stack(func(p *compose.Project) { p.Services[1] = row.service })
			got := w.Services[1]
			if !slices.Equal(got.Mounts, row.mounts) || !slices.Equal(got.Tmpfs, row.tmpfs) || !slices.Equal(w.Volumes, row.volumes) {
				t.Errorf("mounts %v, tmpfs %v, volumes %v", got.Mounts, got.Tmpfs, w.Volumes)
			}
			if len(row.volumes) > 1 && got.VolumeNames[databaseVolume] != row.volumes[1] {
				t.Errorf("its volume is %q", got.VolumeNames[databaseVolume])
			}
		})
	}
}

// Nothing without both labels is ever in a plan.
func TestDiffLeavesOthersAlone(t *testing.T) {
	w := stack(nil)
	have := standing(w)
	for i := range have.Containers {
		have.Containers[i].Labels = Labels{LabelProject: "p", LabelService: w.Services[i].Name} // not managed
	}
	var taken *NameTakenError
	if _, err := Diff(w, have); !errors.As(err, &taken) || taken.Name != "p-db-1" || !taken.Running {
		t.Errorf("a name taken by another container: %v", err)
	}
	have = standing(w)
	have.Volumes["p_data"] = Labels{"com.docker.compose.project": "p"}
	var foreign *ForeignError
	if _, err := Diff(w, have); !errors.As(err, &foreign) || foreign.Kind != "volume" || foreign.Name != "p_data" {
		t.Errorf("a volume that is not ours: %v", err)
	}
}

func TestDiffExternal(t *testing.T) {
	w := stack(func(p *compose.Project) { p.Volumes["data"] = compose.Volume{Name: "mine", External: true} })
	var missing *MissingError
	if _, err := Diff(w, Observation{}); !errors.As(err, &missing) || missing.Hint() != "docker volume create mine" {
		t.Errorf("an external volume that is not there: %v", err)
	}
	p := mustDiff(t, w, Observation{Volumes: map[string]Labels{"mine": nil}})
	if strings.Contains(words(p), "volume") {
		t.Errorf("an external volume is in the plan:\n%s", p)
	}
}

func TestDiffLoadsWhatIsNotPulled(t *testing.T) {
	w := stack(nil)
	w.Archives = map[string]func(io.Writer) error{"pg:15": func(io.Writer) error { return nil }}
	p := mustDiff(t, w, Observation{})
	if !strings.Contains(words(p), "load image pg:15") || strings.Contains(words(p), "pull image pg:15") {
		t.Errorf("plan:\n%s", p)
	}
}

func TestDiffNotesLeftovers(t *testing.T) {
	w := stack(nil)
	have := standing(w)
	have.Containers = append(have.Containers, Container{Name: "p-old-1", Labels: Labels{LabelManaged: "true", LabelProject: "p", LabelService: "old"}})
	p := mustDiff(t, w, have)
	if len(p.Steps) != 0 || len(p.Notes) != 1 || !strings.Contains(p.Notes[0], "p-old-1") {
		t.Errorf("plan:\n%s", p)
	}
}

// The image that letta-dev made for the demo goes with the demo's container; all others stay.
func TestDemoImageGoes(t *testing.T) {
	demo := stack(func(p *compose.Project) { p.Services[1].Image = DemoImage + ":1" })
	p := mustDiff(t, stack(nil), standing(demo))
	if !strings.Contains(words(p), "remove container letta-server\nremove image "+DemoImage+":1\n") {
		t.Errorf("the demo is replaced by the real server:\n%s", p)
	}
	if down := words(Teardown("p", standing(demo), false)); strings.Count(down, "remove image") != 1 || !strings.Contains(down, "remove image "+DemoImage+":1") {
		t.Errorf("down:\n%s", down)
	}
}

// Anybody can give the demo's name to another image. It is not run as the demo, and it keeps its name.
func TestAnotherImageOfTheDemosName(t *testing.T) {
	const ref = DemoImage + ":0123456789ab"
	demo := stack(func(p *compose.Project) { p.Services[1].Image = ref })
	demo.Archives = map[string]func(io.Writer) error{ref: func(io.Writer) error { return nil }}
	for name, c := range map[string]struct {
		label string
		fails bool
	}{
		"letta-dev's":      {"0123456789abcdef", false},
		"somebody's":       {"", true},
		"another demo":     {"ab0123456789", true},
		"half of its hash": {"0123", true},
	} {
		have := Observation{Images: map[string]Image{ref: {ID: "sha256:1", Demo: c.label}}}
		p, err := Diff(demo, have)
		var foreign *ForeignError
		if errors.As(err, &foreign) != c.fails {
			t.Errorf("%s: %v\n%s", name, err, p)
			continue
		}
		if c.fails && (foreign.Kind != "image" || !strings.HasPrefix(foreign.Hint(), "docker tag "+ref+" ")) {
			t.Errorf("%s: %v (%s)", name, err, foreign.Hint())
		}
	}
}

// What `down` finds under the demo's name, and letta-dev did not make, keeps it, and holds up nothing.
func TestRemovingAnotherImageOfTheDemosName(t *testing.T) {
	engine := refusingEngine{why: &ForeignError{Kind: "image", Name: DemoImage + ":1"}}
	var notes []string
	applier := &Applier{Engine: engine, Report: func(e Event) {
		if e.Kind == Note {
			notes = append(notes, e.Text)
		}
	}}
	err := applier.Apply(t.Context(), Plan{Steps: []Step{{Action: RemoveImage, Target: DemoImage + ":1", Project: "p"}}})
	if err != nil || len(notes) != 1 || !strings.Contains(notes[0], "it was left as it is") {
		t.Errorf("%v, notes %q", err, notes)
	}
}

// refusingEngine fails at every step.
type refusingEngine struct {
	Engine
	why error
}

func (e refusingEngine) Do(context.Context, Step, func(Event)) error { return e.why }

// Labels come from the engine, where anybody may have written them.
func TestChangesOfHostileLabels(t *testing.T) {
	for _, old := range []string{"", "null", "[]", "{", `{"a":1}`, "\x00", `{"\u001b[2J":"1"}`, `{"a\nb":"1"}`, `{"\u202e":"1"}`,
		`{"` + strings.Repeat("a", maxFieldName+1) + `":"1"}`, `{"a":"` + strings.Repeat("1", maxLabel) + `"}`} {
		if got := changes(old, `{}`); got != "its configuration changed" {
			t.Errorf("changes(%q) = %q", old, got)
		}
	}
}

func TestTeardown(t *testing.T) {
	w := stack(nil)
	have := standing(w)
	have.Containers = append(have.Containers, Container{Name: "yours", Running: true, Status: "running"})
	have.Volumes["yours"] = Labels{}
	without := Teardown("p", have, false)
	want := "stop container letta-server\nstop container p-db-1\nremove container letta-server\nremove container p-db-1\nremove network p_default"
	if got := words(without); got != want {
		t.Errorf("plan:\n%s\nwant:\n%s", got, want)
	}
	if !without.Steps[0].Database || without.Steps[1].Database {
		t.Error("the Postgres inside the server's container is asked to stop, and only that")
	}
	with := Teardown("p", have, true)
	if got := words(with); got != want+"\nremove volume p_data" || !with.Steps[2].Anonymous {
		t.Errorf("with volumes:\n%s", got)
	}
	if without.Steps[2].Anonymous {
		t.Error("down without --volumes takes a nameless volume along")
	}
	if p := Teardown("another", have, true); len(p.Steps) != 0 {
		t.Errorf("of another project:\n%s", p)
	}
}

// A container gets the time to stop that its stack says, and no more: one that ignores SIGTERM would hold every down. What a database
// needs is the database's alone.
func TestStopGrace(t *testing.T) {
	data := []MountPoint{{Kind: "volume", Source: "p_data", Target: "/var/lib/postgresql/data"}}
	server := Labels{LabelManaged: "true", LabelProject: "p", LabelRole: RoleServer}
	other := Labels{LabelManaged: "true", LabelProject: "p"}
	for name, c := range map[string]struct {
		container Container
		want      time.Duration
		database  bool
	}{
		"a sidecar":                            {Container{Labels: other, StopGrace: 2 * time.Second}, 2 * time.Second, false},
		"one that says nothing":                {Container{Labels: other}, 0, false},
		"one with patience":                    {Container{Labels: other, StopGrace: 2 * time.Minute}, 2 * time.Minute, false},
		"a database":                           {Container{Labels: other, StopGrace: 2 * time.Second, Mounts: data}, 30 * time.Second, false},
		"a patient database":                   {Container{Labels: other, StopGrace: 2 * time.Minute, Mounts: data}, 2 * time.Minute, false},
		"a server with its database":           {Container{Labels: server, StopGrace: 2 * time.Second, Mounts: data}, 2 * time.Second, true},
		"a server whose database is elsewhere": {Container{Labels: server, StopGrace: 2 * time.Second, Env: map[string]string{databaseURI: "x"}}, 2 * time.Second, false},
		"a server with memory in that place": {Container{Labels: server, Env: map[string]string{databaseURI: "x"},
			Mounts: []MountPoint{{Kind: "tmpfs", Target: "/var/lib/postgresql/data"}}}, 0, false},
	} {
		c.container.Name, c.container.Running = "c", true
		p := Teardown("p", Observation{Containers: []Container{c.container}}, false)
		if got := p.Steps[0]; got.Action != Stop || got.Grace != c.want || got.Database != c.database {
			t.Errorf("%s: %s within %s, its database asked: %v; want %s, %v", name, got.Action, got.Grace, got.Database, c.want, c.database)
		}
	}
}

// FuzzFields: two specs have the same hash if and only if they have the same variables.
func FuzzFields(f *testing.F) {
	f.Add("A", "1", "A", "2")
	f.Add("A", "1", "A", "1")
	f.Add("A", `1","variable B":"2`, "A", "1")
	f.Fuzz(func(t *testing.T, k1, v1, k2, v2 string) {
		of := func(k, v string) Labels {
			return labelsOf("p", Spec{Service: compose.Service{Name: "s", Environment: map[string]string{k: v}}})
		}
		a, b := of(k1, v1), of(k2, v2)
		valid := strings.ToValidUTF8(k1+v1+k2+v2, "") == k1+v1+k2+v2
		if same := k1 == k2 && v1 == v2 || v1 == "" && v2 == ""; valid && (a[LabelHash] == b[LabelHash]) != same {
			t.Errorf("%q=%q and %q=%q: hashes %s and %s", k1, v1, k2, v2, a[LabelFields], b[LabelFields])
		}
	})
}
