package orchestrator

import (
	"fmt"
	"slices"

	"github.com/letta-dev/letta-dev/compose"
)

// Ready is the condition that the Letta server answers its health check; the others are compose's own.
const (
	Ready     = "ready"
	Started   = "service_started"
	Healthy   = "service_healthy"
	Completed = "service_completed_successfully"
)

// Diff decides what must be done so that the engine holds what is wanted. It changes nothing and asks nobody: the same two
// arguments give the same plan. It fails with *NameTakenError or *ForeignError when something that is not ours is in the way.
func Diff(want Want, have Observation) (Plan, error) {
	d := differ{want: want, have: have, plan: Plan{Steps: []Step{}}, started: map[string]int{}, made: map[string]int{}}
	if err := d.things(); err != nil {
		return Plan{}, err
	}
	if err := d.images(); err != nil {
		return Plan{}, err
	}
	for _, s := range want.Services {
		if err := d.service(s); err != nil {
			return Plan{}, err
		}
	}
	d.leftovers()
	return d.plan, nil
}

type differ struct {
	want    Want
	have    Observation
	plan    Plan
	started map[string]int // service → the step that starts it
	made    map[string]int // image, network or volume → the step that makes it
}

func (d *differ) add(s Step, needs ...int) int {
	s.Project = d.want.Project
	s.needs = append(s.needs, needs...)
	d.plan.Steps = append(d.plan.Steps, s)
	return len(d.plan.Steps) - 1
}

// things plans the networks and volumes.
func (d *differ) things() error {
	for _, t := range d.want.External {
		_, there := d.have.Networks[t.Name]
		if t.Kind == "volume" {
			_, there = d.have.Volumes[t.Name]
		}
		if !there {
			return &MissingError{Kind: t.Kind, Name: t.Name}
		}
	}
	for _, name := range d.want.Networks {
		network, there := d.have.Networks[name]
		if err := d.thing("network", CreateNetwork, name, there, network.Labels); err != nil {
			return err
		}
	}
	for _, name := range d.want.Volumes {
		labels, there := d.have.Volumes[name]
		if err := d.thing("volume", CreateVolume, name, there, labels); err != nil {
			return err
		}
	}
	return nil
}

// thing plans a network or a volume of ours where it is absent.
func (d *differ) thing(kind string, create Action, name string, there bool, labels Labels) error {
	switch {
	case !there:
		d.made[name] = d.add(Step{Action: create, Target: name, Cause: "it is not there"})
	case !labels.Ours(d.want.Project):
		return &ForeignError{Kind: kind, Name: name}
	}
	return nil
}

// images plans the images of the containers that are to be made.
func (d *differ) images() error {
	for _, s := range d.want.Services {
		have, err := d.find(s)
		if err != nil {
			return err
		}
		if have == nil || d.stale(s, have) != "" {
			if err := d.genuine(s.Image); err != nil {
				return err
			}
			d.image(s.Image)
		}
	}
	return nil
}

// service plans one container, and what must be true before it starts.
func (d *differ) service(s Spec) error {
	have, err := d.find(s)
	if err != nil {
		return err
	}
	switch cause := d.stale(s, have); {
	case have == nil:
		d.create(s, "it is not there", d.image(s.Image))
	case cause != "":
		d.replace(s, have, cause, d.image(s.Image))
	default:
		d.resume(s, have)
	}
	if from, planned := d.started[s.Name]; planned && s.Name == d.want.Server {
		d.add(Step{Action: Wait, Target: s.ContainerName, Service: s.Name, Condition: Ready, Cause: "up is done when it answers"}, from)
	}
	return nil
}

// resume plans what a container that is made as wanted needs, so that it runs in its networks. Whether it answers is the follower's
// to say.
func (d *differ) resume(s Spec, have *Container) {
	mended := d.rejoin(s, have)
	if have.Status == "paused" {
		mended = append(mended, d.add(Step{Action: Unpause, Target: s.ContainerName, Service: s.Name, Cause: "it is paused"}, mended...))
	}
	switch {
	case have.Running && have.Stuck != "":
		cause := "the Postgres inside it does not run: " + have.Stuck
		stop := stopStep(*have, cause)
		stop.Grace, stop.Database = stuckGrace, false
		d.start(s, cause, d.add(stop, mended...))
	case !have.Running:
		d.start(s, "it is not running ("+have.Status+")", mended...)
	case len(mended) > 0:
		d.started[s.Name] = mended[len(mended)-1]
	}
}

// rejoin plans the way back into the networks that a container has lost: it was disconnected from them, or they were removed under it
// and made anew. It leaves those that are gone and that the stack does not name. The steps run one after the other.
func (d *differ) rejoin(s Spec, have *Container) []int {
	var joined []int
	add := func(step Step, needs []int) {
		step.Target, step.Service = s.ContainerName, s.Name
		if len(joined) > 0 {
			needs = append(needs, joined[len(joined)-1])
		}
		joined = append(joined, d.add(step, needs...))
	}
	wanted := map[string]bool{}
	for _, a := range s.Service.Networks {
		name := s.NetworkNames[a.Network]
		wanted[name] = true
		i := slices.IndexFunc(have.Networks, func(at Attached) bool { return at.Name == name })
		switch now, there := d.have.Networks[name]; {
		case i < 0:
			add(Step{Action: Join, Network: name, Spec: &s, Cause: "it is not in network " + name}, d.needMade(name, nil))
		case !there || have.Networks[i].ID != now.ID:
			add(Step{Action: Join, Network: name, Spec: &s, Cause: "network " + name + " is another one now"}, d.needMade(name, nil))
		}
	}
	for _, at := range have.Networks {
		if at.ID == "" && !wanted[at.Name] {
			add(Step{Action: Leave, Network: at.Name, Cause: "network " + at.Name + " is gone, and it could not start"}, nil)
		}
	}
	return joined
}

// genuine refuses an image that somebody gave the name of one that is loaded: it must not run in its place, and to load over it would
// take away its name.
func (d *differ) genuine(ref string) error {
	have, present := d.have.Images[ref]
	if _, loaded := d.want.Archives[ref]; present && loaded && IsDemoImage(ref) && !have.IsDemo(ref) {
		return &ForeignError{Kind: "image", Name: ref}
	}
	return nil
}

// image plans the image where it is absent and returns what a container made from it must wait for.
func (d *differ) image(ref string) []int {
	if i, planned := d.made[ref]; planned {
		return []int{i}
	}
	if _, present := d.have.Images[ref]; present {
		return nil
	}
	step := Step{Action: Pull, Target: ref, Cause: "it is not here"}
	if archive, ok := d.want.Archives[ref]; ok {
		step.Action, step.Archive = Load, archive
	}
	d.made[ref] = d.add(step)
	return []int{d.made[ref]}
}

// find is our container of a service, or nil. The name may be taken by another.
func (d *differ) find(s Spec) (*Container, error) {
	var ours *Container
	for i, c := range d.have.Containers {
		if c.Labels.Ours(d.want.Project) && c.Labels[LabelService] == s.Name {
			ours = &d.have.Containers[i]
			break
		}
	}
	if ours != nil && ours.Name == s.ContainerName {
		return ours, nil
	}
	for _, c := range d.have.Containers {
		if c.Name == s.ContainerName {
			return nil, &NameTakenError{Name: c.Name, Image: c.Image, Running: c.Running}
		}
	}
	return ours, nil
}

// stale says why a container must be made anew; empty when it need not.
func (d *differ) stale(s Spec, have *Container) string {
	if have == nil {
		return ""
	}
	if have.Labels[LabelHash] != s.OurLabels[LabelHash] {
		return changes(have.Labels[LabelFields], s.OurLabels[LabelFields])
	}
	if have.Name != s.ContainerName {
		return "it was renamed from " + s.ContainerName
	}
	if image, present := d.have.Images[s.Image]; present && have.ImageID != "" && image.ID != have.ImageID {
		return "image " + s.Image + " is another one now"
	}
	if have.Status == "created" {
		// Its start failed. Podman starts such a container a second time without network and ports.
		return "an earlier start of it failed"
	}
	return ""
}

func (d *differ) create(s Spec, cause string, needs []int) {
	for _, n := range s.Service.Networks {
		needs = d.needMade(s.NetworkNames[n.Network], needs)
	}
	for _, m := range s.Mounts {
		needs = d.needMade(s.VolumeNames[m.Source], needs)
	}
	created := d.add(Step{Action: Create, Target: s.ContainerName, Service: s.Name, Spec: &s, Cause: cause}, needs...)
	d.start(s, "it was just made", created)
}

func (d *differ) needMade(name string, needs []int) []int {
	if i, planned := d.made[name]; planned {
		return append(needs, i)
	}
	return needs
}

func (d *differ) replace(s Spec, have *Container, cause string, image []int) {
	if have.Running {
		stop := stopStep(*have, cause)
		image = []int{d.add(stop, image...)}
	}
	remove := d.add(Step{Action: Remove, Target: have.Name, Service: s.Name, Cause: cause}, image...)
	if IsDemoImage(have.Image) && have.Image != s.Image {
		d.add(Step{Action: RemoveImage, Target: have.Image, Cause: "the demo that was made from it is gone"}, remove)
	}
	d.create(s, cause, []int{remove})
}

// start plans a start after the conditions of depends_on. Nothing starts before all images are here: how long those take is the
// network's to say, and no part of the time that containers have to become ready.
func (d *differ) start(s Spec, cause string, needs ...int) {
	for i, step := range d.plan.Steps {
		if step.Action == Pull || step.Action == Load {
			needs = append(needs, i)
		}
	}
	for _, dep := range s.DependsOn {
		needs = append(needs, d.condition(dep)...)
	}
	database := s.Name == d.want.Server && s.Environment[databaseURI] == ""
	d.started[s.Name] = d.add(Step{Action: Start, Target: s.ContainerName, Service: s.Name, Database: database, Cause: cause}, needs...)
}

// condition plans the wait that a dependency asks for and returns what to wait for in the plan.
func (d *differ) condition(dep compose.Dependency) []int {
	if dep.Condition == Started {
		return d.after(dep.Service)
	}
	i := slices.IndexFunc(d.want.Services, func(s Spec) bool { return s.Name == dep.Service })
	if i < 0 {
		return nil
	}
	return []int{d.add(Step{
		Action: Wait, Target: d.want.Services[i].ContainerName, Service: dep.Service, Condition: dep.Condition, Optional: dep.Optional,
		Cause: fmt.Sprintf("what depends on it wants %s", dep.Condition),
	}, d.after(dep.Service)...)}
}

func (d *differ) after(service string) []int {
	if i, planned := d.started[service]; planned {
		return []int{i}
	}
	return nil
}

// leftovers notes our containers whose service the stack no longer has. They may hold what their user still wants.
func (d *differ) leftovers() {
	for _, c := range d.have.Containers {
		known := slices.ContainsFunc(d.want.Services, func(s Spec) bool { return s.Name == c.Labels[LabelService] })
		if c.Labels.Ours(d.want.Project) && !known {
			d.plan.Notes = append(d.plan.Notes, fmt.Sprintf("container %s is of service %q, which the stack no longer has; `letta-dev down` removes it",
				c.Name, c.Labels[LabelService]))
		}
	}
}

// stopStep plans the stop of a container. A database inside the server's container is asked first, in a time of its own.
func stopStep(c Container, cause string) Step {
	inside := c.Labels[LabelRole] == RoleServer && c.Env[databaseURI] == ""
	grace := c.StopGrace
	if !inside && slices.ContainsFunc(c.Mounts, func(m MountPoint) bool { return m.Target == databaseFolder && m.Kind != "tmpfs" }) {
		grace = max(grace, databaseGrace)
	}
	return Step{
		Action: Stop, Target: c.Name, Service: c.Labels[LabelService], Cause: cause, Project: c.Labels[LabelProject],
		Grace: grace, Database: inside,
	}
}
