package orchestrator

import (
	"maps"
	"slices"
	"time"
)

// databaseGrace is the least that a Postgres in a container of its own gets to stop: it writes a checkpoint first, and one that is killed
// has to recover at its next start. Every other container gets what its stack says, else what the engine gives.
const databaseGrace = 30 * time.Second

// stuckGrace is that of a server whose Postgres has ended: it has nothing to finish, and its start script hears no signal.
const stuckGrace = time.Second

// Halt plans the stop of those running containers of a project that chosen says yes to. It removes nothing.
func Halt(project string, have Observation, cause string, chosen func(Container) bool) Plan {
	var p Plan
	for _, c := range ours(project, have) {
		if c.Running && chosen(c) {
			p.Steps = append(p.Steps, stopStep(c, cause))
		}
	}
	return p
}

// Teardown plans the end of a project: containers stopped and removed, then the demo's image and the networks, then, only when
// volumes is set, its data. What does not carry the project's labels is not in the plan.
func Teardown(project string, have Observation, volumes bool) Plan {
	const cause = "down was asked for"
	p := Halt(project, have, cause, func(Container) bool { return true })
	stops := len(p.Steps)
	for _, c := range ours(project, have) {
		step := Step{Action: Remove, Target: c.Name, Service: c.Labels[LabelService], Project: project, Cause: cause, Anonymous: volumes}
		for i := range stops {
			if p.Steps[i].Target == c.Name {
				step.needs = []int{i}
			}
		}
		p.Steps = append(p.Steps, step)
	}
	removed := upTo(len(p.Steps))
	for _, c := range ours(project, have) {
		if IsDemoImage(c.Image) {
			p.Steps = append(p.Steps, Step{Action: RemoveImage, Target: c.Image, Project: project, Cause: cause, needs: removed})
		}
	}
	networks := map[string]Labels{}
	for name, n := range have.Networks {
		networks[name] = n.Labels
	}
	p.add(RemoveNetwork, project, networks, cause, removed)
	if volumes {
		p.add(RemoveVolume, project, have.Volumes, "its removal was asked for", removed)
	}
	return p
}

// ours are a project's containers, those that others depend on last: the reverse of the order they were started in.
func ours(project string, have Observation) []Container {
	var found []Container
	for _, c := range have.Containers {
		if c.Labels.Ours(project) {
			found = append(found, c)
		}
	}
	slices.SortStableFunc(found, func(a, b Container) int { return b.StartedAt.Compare(a.StartedAt) })
	return found
}

func (p *Plan) add(action Action, project string, things map[string]Labels, cause string, needs []int) {
	for _, name := range slices.Sorted(maps.Keys(things)) {
		if things[name].Ours(project) {
			p.Steps = append(p.Steps, Step{Action: action, Target: name, Project: project, Cause: cause, needs: needs})
		}
	}
}

func upTo(n int) []int {
	var all []int
	for i := range n {
		all = append(all, i)
	}
	return all
}
