package enginetest

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/letta-dev/letta-dev/orchestrator"
	"github.com/letta-dev/letta-dev/orchestrator/enginetest/probe"
)

// Process is what a program in a fake container is given.
type Process = probe.Process

// Fake is a container engine in memory. The fields may be set until the first call.
type Fake struct {
	Info     orchestrator.EngineInfo
	Images   map[string]string // reference → ID of those present
	Registry map[string]string // reference → ID of those that can be pulled
	Demos    map[string]string // reference → LabelDemo of the images that letta-dev made; a load of one adds to it

	// Program is what containers and Exec run. It returns the exit code; ctx ends when the container is stopped, and a program
	// that does not return by then is abandoned when the grace is over. Nil: a program that waits to be stopped.
	Program func(ctx context.Context, p Process) int

	// Fault is asked before each call, "Observe", "Do", "Watch", "Logs" or "Exec"; the step is Do's. What it returns is what the
	// call fails with.
	Fault func(call string, step orchestrator.Step) error

	mu         sync.Mutex
	changed    *sync.Cond // of anything below
	containers map[string]*box
	networks   map[string]orchestrator.Labels
	ids        map[string]string // of the networks, by name
	volumes    map[string]orchestrator.Labels
	events     []orchestrator.Happening
	steps      []orchestrator.Step
	broken     error // why the streams broke
	breaks     int   // how often they did
	made       int   // containers, for IDs
	running    sync.WaitGroup
}

var _ orchestrator.Engine = (*Fake)(nil)

// NewFake is an engine in which nothing stands. Close it at the end of the test.
func NewFake() *Fake {
	f := &Fake{
		Info:       orchestrator.EngineInfo{Name: "docker", Version: "28.0.0", API: "1.48", Host: "fake://", Found: "test", Local: true},
		Images:     map[string]string{},
		Registry:   map[string]string{},
		Demos:      map[string]string{},
		containers: map[string]*box{},
		networks:   map[string]orchestrator.Labels{},
		ids:        map[string]string{},
		volumes:    map[string]orchestrator.Labels{},
	}
	f.changed = sync.NewCond(&f.mu)
	return f
}

// Close kills what runs and waits for it: a program must return soon after Process.Killed is closed.
func (f *Fake) Close() {
	f.mu.Lock()
	for _, b := range f.containers {
		b.stopping = true
		f.giveUp(b)
		f.kill(b, 137)
	}
	f.mu.Unlock()
	f.running.Wait()
}

// Steps are those that were carried out with success, oldest first, without Cause.
func (f *Fake) Steps() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	var list []string
	for _, s := range f.steps {
		list = append(list, fmt.Sprintf("%s %s", s.Action, s.Target))
	}
	return list
}

// Add puts a container there that somebody else made, as it is: no program runs in it.
func (f *Fake) Add(c orchestrator.Container) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if c.ID == "" {
		c.ID = f.newID()
	}
	c.Detailed = true
	f.containers[c.Name] = &box{Container: c}
	f.emit(f.containers[c.Name], "create")
	if c.Running {
		f.emit(f.containers[c.Name], "start")
	}
}

// Kill ends a container as a crash would: at once, with that exit code.
func (f *Fake) Kill(name string, code int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if b := f.containers[name]; b != nil {
		f.kill(b, code)
	}
}

// SetHealth is what a health check of the container found: healthy, unhealthy or starting.
func (f *Fake) SetHealth(name, health string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if b := f.containers[name]; b != nil {
		b.Health = health
		f.emit(b, "health_status")
	}
}

// Log writes a line into a container's log, for those Add put there.
func (f *Fake) Log(name string, stderr bool, text string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if b := f.containers[name]; b != nil {
		f.log(b, stderr, text)
	}
}

// BreakStreams ends every Watch that runs with err, as an engine does that is restarted.
func (f *Fake) BreakStreams(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.broken, f.breaks = err, f.breaks+1
	f.changed.Broadcast()
}

// Observe reports what stands; every container is detailed.
func (f *Fake) Observe(ctx context.Context, q orchestrator.Query) (orchestrator.Observation, error) {
	if err := f.enter(ctx, "Observe", orchestrator.Step{}); err != nil {
		return orchestrator.Observation{}, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	o := orchestrator.Observation{Engine: f.Info, Images: map[string]orchestrator.Image{}}
	for _, name := range slices.Sorted(maps.Keys(f.containers)) {
		c := f.containers[name].copy()
		for i, at := range c.Networks {
			if f.gone(at) {
				c.Networks[i].ID = ""
			}
		}
		o.Containers = append(o.Containers, c)
	}
	for _, ref := range q.Images {
		if id, ok := f.Images[ref]; ok {
			o.Images[ref] = orchestrator.Image{ID: id, Demo: f.Demos[ref]}
		}
	}
	o.Networks = map[string]orchestrator.Network{}
	for name, labels := range asked(f.networks, q.Networks, q.Project) {
		o.Networks[name] = orchestrator.Network{ID: f.ids[name], Labels: labels}
	}
	o.Volumes = asked(f.volumes, q.Volumes, q.Project)
	return o, nil
}

// gone says whether the network that a container keeps was removed; one of that name may stand again.
func (f *Fake) gone(at orchestrator.Attached) bool { return f.ids[at.Name] != at.ID }

func (f *Fake) named(nameOrID string) *box {
	for name, b := range f.containers {
		if name == nameOrID || b.ID == nameOrID {
			return b
		}
	}
	return nil
}

// asked are the things of those names, and all of the project's.
func asked(things map[string]orchestrator.Labels, names []string, project string) map[string]orchestrator.Labels {
	found := map[string]orchestrator.Labels{}
	for name, labels := range things {
		if labels.Ours(project) || slices.Contains(names, name) {
			found[name] = maps.Clone(labels)
		}
	}
	return found
}

// enter is the beginning of each call.
func (f *Fake) enter(ctx context.Context, call string, step orchestrator.Step) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if f.Fault != nil {
		return f.Fault(call, step)
	}
	return nil
}

// emit adds an event; the caller holds the lock.
func (f *Fake) emit(b *box, action string) {
	h := orchestrator.Happening{
		Time: time.Now(), Action: action, Container: b.ID, Name: b.Name, Image: b.Image, Labels: maps.Clone(b.Labels),
	}
	switch action {
	case "die":
		h.ExitCode = b.ExitCode
	case "health_status":
		h.Health = b.Health
	}
	f.events = append(f.events, h)
	f.changed.Broadcast()
}

func (f *Fake) newID() string {
	f.made++
	return fmt.Sprintf("%064x", f.made)
}
