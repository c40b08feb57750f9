package orchestrator

import (
	"fmt"
	"slices"
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
		there := d.have.Networks
		if t.Kind == "volume" {
			there = d.have.Volumes
		}
		if _, ok := there[t.Name]; !ok {
			return &MissingError{Kind: t.Kind, Name: t.Name}
		}
	}
	if err := d.absent("network", CreateNetwork, d.want.Networks, d.have.Networks); err != nil {
		return err
	}
	return d.absent("volume", CreateVolume, d.want.Volumes, d.have.Volumes)
}

func (d *differ) absent(kind string, create Action, names []string, there map[string]Labels) error {
	for _, name := range names {
		labels, ok := there[name]
		switch {
		case !ok:
			d.made[name] = d.add(Step{Action: create, Target: name, Cause: "it is not there"})
		case !labels.Ours(d.want.Project):
			return &ForeignError{Kind: kind, Name: name}
		}
	}
	return nil
}

// service plans one container, the image it needs, and what must be true before it starts.
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
	case !have.Running:
		d.start(s, "it is not running ("+have.Status+")")
	default:
		return nil // as wanted; whether it answers is the follower's to say
	}
	if s.Name == d.want.Server {
		d.add(Step{Action: Wait, Target: s.ContainerName, Service: s.Name, Condition: Ready, Cause: "up is done when it answers"}, d.started[s.Name])
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
	for i, c := range d.have.Containers {
		if c.Labels.Ours(d.want.Project) && c.Labels[LabelService] == s.Name {
			return &d.have.Containers[i], nil
		}
	}
	for _, c := range d.have.Containers {
		if c.Name == s.ContainerName {
			return nil, &NameTakenError{Name: c.Name, Image: c.Image, Running: c.Running}
		}
	}
	return nil, nil
}

// stale says why a container must be made anew; empty when it need not.
func (d *differ) stale(s Spec, have *Container) string {
	if have == nil {
		return ""
	}
	if have.Labels[LabelHash] != s.OurLabels[LabelHash] {
		return changes(have.Labels[LabelFields], s.OurLabels[LabelFields])
	}
	if id, present := d.have.Images[s.Image]; present && have.ImageID != "" && id != have.ImageID {
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

// start plans a start after the conditions of depends_on.
func (d *differ) start(s Spec, cause string, needs ...int) {
	for _, dep := range s.DependsOn {
		needs = append(needs, d.condition(dep.Service, dep.Condition)...)
	}
	database := s.Name == d.want.Server && s.Environment[databaseURI] == ""
	d.started[s.Name] = d.add(Step{Action: Start, Target: s.ContainerName, Service: s.Name, Database: database, Cause: cause}, needs...)
}

// condition plans the wait that a dependency asks for and returns what to wait for in the plan.
func (d *differ) condition(service, condition string) []int {
	if condition == Started {
		return d.after(service)
	}
	i := slices.IndexFunc(d.want.Services, func(s Spec) bool { return s.Name == service })
	if i < 0 {
		return nil
	}
	return []int{d.add(Step{
		Action: Wait, Target: d.want.Services[i].ContainerName, Service: service, Condition: condition,
		Cause: fmt.Sprintf("what depends on it wants %s", condition),
	}, d.after(service)...)}
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

func stopStep(c Container, cause string) Step {
	return Step{
		Action: Stop, Target: c.Name, Service: c.Labels[LabelService], Cause: cause, Project: c.Labels[LabelProject],
		Grace: max(stopGrace, c.StopGrace), Database: c.Labels[LabelRole] == RoleServer && c.Env[databaseURI] == "",
	}
}
