package compose

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// shape says what may stand at one place of a compose file. The shapes below are the subset of the compose specification that
// letta-dev runs: what they do not name is refused. https://github.com/compose-spec/compose-spec/blob/main/spec.md
type shape struct {
	scalar func(any) (any, error)     // reads a single value; nil: none may stand here
	item   *shape                     // of each entry of a list; nil: no list may stand here
	keys   map[string]*shape          // of a mapping with keys of the specification
	free   *shape                     // of each value of a mapping with keys of the person's own
	name   func(string) error         // tells what is wrong with a free key; nil: nothing can be
	nulls  bool                       // a key of the person's own without a value means something
	null   bool                       // it may itself stand without a value
	needs  []string                   // keys that a mapping must have
	check  func(map[string]any) error // tells what is wrong with a mapping; nil: nothing can be
	whole  func([]any) error          // tells what is wrong with a list; nil: nothing can be
}

// of is the shape behind a key: nil for a key that may not stand here.
func (s *shape) of(key string) (*shape, error) {
	if inner, ok := s.keys[key]; ok {
		return inner, nil
	}
	if s.free != nil && s.name != nil {
		if err := s.name(key); err != nil {
			return nil, err
		}
	}
	return s.free, nil
}

func (s *shape) wants() string {
	var kinds []string
	if s.scalar != nil {
		kinds = append(kinds, "a single value")
	}
	if s.item != nil {
		kinds = append(kinds, "a list")
	}
	if s.keys != nil || s.free != nil {
		kinds = append(kinds, "a mapping")
	}
	return strings.Join(kinds, " or ")
}

func fileShape() *shape {
	return &shape{keys: map[string]*shape{
		"version":     one(str), // obsolete, and means nothing to compose either
		"name":        one(str),
		"services":    {free: serviceShape(), name: resourceKey, nulls: true},
		"networks":    {free: resourceShape("bridge"), name: resourceKey, nulls: true},
		"volumes":     {free: resourceShape("local"), name: resourceKey, nulls: true},
		"x-letta-dev": settingsShape(),
	}}
}

func serviceShape() *shape {
	return &shape{keys: map[string]*shape{
		"image": one(strThat(image)), "container_name": one(strThat(container)), "hostname": one(str), "user": one(str), "working_dir": one(strThat(absolute)),
		"entrypoint": commandShape(), "command": commandShape(),
		"environment": listOrMap(), "labels": listOrMap(),
		"extra_hosts": {item: one(strThat(extraHost)), whole: noneTwice, free: oneOrList(strThat(hostAddress))},
		"env_file":    {scalar: strThat(fileName), item: envFileShape()},
		"ports":       {item: portShape()},
		"expose":      list(exposed),
		"volumes":     {item: volumeShape()},
		"tmpfs":       oneOrList(strThat(tmpfs)),
		"networks":    {item: one(str), whole: noneTwice, free: &shape{keys: map[string]*shape{"aliases": list(str)}}, nulls: true},
		"depends_on":  {item: one(str), free: dependencyShape()},
		"healthcheck": {keys: map[string]*shape{
			"test": probeShape(), "interval": one(strThat(probeTime)), "timeout": one(strThat(probeTime)), "start_period": one(strThat(probeTime)),
			"retries": one(count), "disable": one(boolean),
		}},
		"restart": one(strThat(restart)), "stop_grace_period": one(strThat(duration)), "init": one(boolean), "shm_size": one(size),
		"ulimits": {free: &shape{scalar: limit, keys: map[string]*shape{"soft": one(limit), "hard": one(limit)}, needs: []string{"soft", "hard"}, check: limits}},
		"cap_add": list(str), "cap_drop": list(str), "profiles": list(str),
		"security_opt": {item: one(strThat(securityOption)), whole: noneTwice},
	}}
}

// commandShape is a command line or its words. Without a value it is the image's own.
func commandShape() *shape { return &shape{scalar: str, item: one(str), null: true} }

// probeShape is a command line, or a list that begins with how it is run.
func probeShape() *shape { return &shape{scalar: str, item: one(str), whole: probe} }

func envFileShape() *shape {
	return &shape{scalar: strThat(fileName), keys: map[string]*shape{"path": one(strThat(fileName)), "required": one(boolean)}, needs: []string{"path"}}
}

func portShape() *shape {
	return &shape{scalar: port, keys: map[string]*shape{
		"target": one(count), "published": one(hostPort), "host_ip": one(strThat(hostIP)), "protocol": one(str),
		"name": one(str), "app_protocol": one(str), // information for people
		"mode": one(only("host", "ingress")), // the same thing on a single engine
	}, needs: []string{"target"}}
}

func volumeShape() *shape {
	return &shape{scalar: volume, keys: map[string]*shape{
		"type": one(only("bind", "volume")), "source": one(str), "target": one(str), "read_only": one(boolean),
	}, needs: []string{"type"}}
}

func dependencyShape() *shape {
	return &shape{keys: map[string]*shape{
		"condition": one(only("service_started", "service_healthy", "service_completed_successfully")), "required": one(boolean),
	}, needs: []string{"condition"}}
}

// resourceShape is that of a network or a volume. People write the engine's default driver out, which changes nothing.
func resourceShape(driver string) *shape {
	return &shape{keys: map[string]*shape{"name": one(str), "external": one(boolean), "driver": one(only(driver))}, check: ownOrExternal}
}

func one(scalar func(any) (any, error)) *shape  { return &shape{scalar: scalar} }
func list(scalar func(any) (any, error)) *shape { return &shape{item: one(scalar)} }

func oneOrList(scalar func(any) (any, error)) *shape {
	return &shape{scalar: scalar, item: one(scalar)}
}

// listOrMap is the shape of variables and labels: KEY=VALUE lines or a mapping, where KEY alone takes the value from outside.
func listOrMap() *shape {
	return &shape{item: one(strThat(assignment)), free: one(asIs), name: variableName, nulls: true}
}

func only(values ...string) func(any) (any, error) {
	return func(v any) (any, error) {
		for _, allowed := range values {
			if v == allowed {
				return v, nil
			}
		}
		return nil, fmt.Errorf("%q is not supported, only %s", v, strings.Join(values, ", "))
	}
}

// probe is the rule for the list of a healthcheck: engines run what stands behind CMD, CMD-SHELL gives it to a shell.
func probe(words []any) error {
	switch {
	case len(words) == 0 || words[0] == "NONE":
		return nil
	case words[0] != "CMD" && words[0] != "CMD-SHELL":
		return errors.New("a list begins with CMD, CMD-SHELL or NONE: write [CMD, PROGRAM, ARGUMENT, …], or the command line without a list")
	case len(words) == 1:
		return fmt.Errorf("no command stands behind %s", words[0])
	}
	return nil
}

// ownOrExternal is the rule for a network or a volume: one that somebody else made is only named.
func ownOrExternal(m map[string]any) error {
	if _, driven := m["driver"]; driven && m["external"] == true {
		return errors.New("one that is external has no driver: take it out")
	}
	return nil
}

// limits is the rule of engines for the two limits of a kind; -1 is none.
func limits(m map[string]any) error {
	soft, _ := m["soft"].(int)
	if hard, _ := m["hard"].(int); hard >= 0 && (soft > hard || soft < 0) {
		return errors.New("the soft limit is above the hard one")
	}
	return nil
}

// noneTwice is the rule for a list whose entries must differ.
func noneTwice(items []any) error {
	for i, v := range items {
		if slices.Contains(items[:i], v) {
			return fmt.Errorf("%q stands there twice", v)
		}
	}
	return nil
}
