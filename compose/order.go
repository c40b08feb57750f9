package compose

import (
	"fmt"
	"slices"
)

// order sorts the services so that each stands after those it depends on, by name where nothing else decides.
func (l *loading) order() error {
	o := ordering{loading: l, byName: map[string]*Service{}, state: map[string]int{}}
	for i := range l.project.Services {
		o.byName[l.project.Services[i].Name] = &l.project.Services[i]
	}
	for _, s := range l.project.Services { // sorted by name
		if err := o.visit(s.Name); err != nil {
			return err
		}
	}
	l.project.Services = o.sorted
	return nil
}

const (
	unseen = iota
	open   // on the path that is being walked
	done
)

// ordering is a depth-first walk along depends_on.
type ordering struct {
	*loading
	byName map[string]*Service
	state  map[string]int
	path   []string // open services, each depending on the next
	sorted []Service
}

func (o *ordering) visit(name string) error {
	switch o.state[name] {
	case done:
		return nil
	case open:
		at, _ := o.reader.where(fmt.Sprintf("services.%s.depends_on", name))
		return &CycleError{File: at.file, Line: at.line, Services: slices.Clone(o.path[slices.Index(o.path, name):])}
	}
	o.state[name] = open
	o.path = append(o.path, name)
	s := o.byName[name]
	kept := s.DependsOn[:0:0]
	for _, d := range s.DependsOn {
		if o.byName[d.Service] == nil && o.optional(name, d.Service) {
			continue
		}
		if err := o.check(name, d); err != nil {
			return err
		}
		kept = append(kept, d)
		if err := o.visit(d.Service); err != nil {
			return err
		}
	}
	s.DependsOn = kept
	o.path = o.path[:len(o.path)-1]
	o.state[name] = done
	o.sorted = append(o.sorted, *s)
	return nil
}

// optional tells whether a service that is left out may be missed; one that there is nowhere is a slip of the pen.
func (o *ordering) optional(service, dependency string) bool {
	_, inFile := o.reader.at["services."+dependency]
	return inFile && !o.model.Services[service].DependsOn[dependency].Required
}

// check refuses what would be waited for in vain. A service whose health check is disabled is never healthy; one whose file gives no test may
// have that of its image, as for docker compose (isServiceHealthy in pkg/compose/compose.go of docker/compose), and its container tells.
func (o *ordering) check(service string, d Dependency) error {
	at := fmt.Sprintf("services.%s.depends_on.%s", service, d.Service)
	needed := o.byName[d.Service]
	if needed == nil {
		if _, inFile := o.reader.at["services."+d.Service]; inFile {
			return o.reader.failAt(at, "COMPOSE_PROFILES='*' letta-dev up", "%s is left out, because none of its profiles is active", d.Service)
		}
		return o.reader.failAt(at, "", "there is no service %q", d.Service)
	}
	h := needed.Healthcheck
	if d.Condition == "service_healthy" && h != nil && len(h.Test) > 0 && h.Test[0] == "NONE" {
		return o.reader.failAt(at, fmt.Sprintf("give %s a healthcheck, or depend on it with service_started", d.Service),
			"the healthcheck of %s is disabled, so it would never be healthy", d.Service)
	}
	return nil
}
