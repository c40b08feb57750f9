package compose

import (
	"fmt"
	"strings"
)

// shape says what may stand at one place of a compose file. The shapes below are the subset of the compose specification that
// letta-dev runs: what they do not name is refused. https://github.com/compose-spec/compose-spec/blob/main/spec.md
type shape struct {
	scalar func(any) (any, error) // reads a single value; nil: none may stand here
	item   *shape                 // of each entry of a list; nil: no list may stand here
	keys   map[string]*shape      // of a mapping with keys of the specification
	free   *shape                 // of each value of a mapping with keys of the person's own
	name   func(string) error     // tells what is wrong with a free key; nil: nothing can be
	nulls  bool                   // a key without a value means something
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
		"version":     one(text), // obsolete, and means nothing to compose either
		"name":        one(text),
		"services":    {free: serviceShape(), name: resourceKey, nulls: true},
		"networks":    {free: resourceShape("bridge"), name: resourceKey, nulls: true},
		"volumes":     {free: resourceShape("local"), name: resourceKey, nulls: true},
		"x-letta-dev": settingsShape(),
	}}
}

func serviceShape() *shape {
	return &shape{keys: map[string]*shape{
		"image": one(image), "container_name": one(text), "hostname": one(text), "user": one(text), "working_dir": one(text),
		"entrypoint": oneOrList(text), "command": oneOrList(text),
		"environment": listOrMap(), "labels": listOrMap(), "extra_hosts": {item: one(text), free: &shape{scalar: text, item: one(text)}},
		"env_file":   {scalar: path, item: envFileShape()},
		"ports":      {item: portShape()},
		"expose":     list(text), // information for people; services of one network reach each other's ports in any case
		"volumes":    {item: volumeShape()},
		"tmpfs":      oneOrList(text),
		"networks":   {item: one(text), free: &shape{keys: map[string]*shape{"aliases": list(text)}}, nulls: true},
		"depends_on": {item: one(text), free: dependencyShape()},
		"healthcheck": {keys: map[string]*shape{
			"test": oneOrList(text), "interval": one(duration), "timeout": one(duration), "start_period": one(duration),
			"retries": one(count), "disable": one(boolean),
		}},
		"restart": one(restart), "stop_grace_period": one(duration), "init": one(boolean), "shm_size": one(size),
		"ulimits": {free: &shape{scalar: limit, keys: map[string]*shape{"soft": one(limit), "hard": one(limit)}}},
		"cap_add": list(text), "cap_drop": list(text), "security_opt": list(securityOption), "profiles": list(text),
	}}
}

func envFileShape() *shape {
	return &shape{scalar: path, keys: map[string]*shape{"path": one(path), "required": one(boolean)}}
}

func portShape() *shape {
	return &shape{scalar: port, keys: map[string]*shape{
		"target": one(count), "published": one(text), "host_ip": one(text), "protocol": one(text),
		"name": one(text), "app_protocol": one(text), // information for people
		"mode": one(only("host", "ingress")), // the same thing on a single engine
	}}
}

func volumeShape() *shape {
	return &shape{scalar: volume, keys: map[string]*shape{
		"type": one(only("bind", "volume")), "source": one(text), "target": one(text), "read_only": one(boolean),
	}}
}

func dependencyShape() *shape {
	return &shape{keys: map[string]*shape{
		"condition": one(only("service_started", "service_healthy", "service_completed_successfully")), "required": one(boolean),
	}}
}

// resourceShape is that of a network or a volume. People write the engine's default driver out, which changes nothing.
func resourceShape(driver string) *shape {
	return &shape{keys: map[string]*shape{"name": one(text), "external": one(boolean), "driver": one(only(driver))}}
}

func one(scalar func(any) (any, error)) *shape  { return &shape{scalar: scalar} }
func list(scalar func(any) (any, error)) *shape { return &shape{item: one(scalar)} }

func oneOrList(scalar func(any) (any, error)) *shape {
	return &shape{scalar: scalar, item: one(scalar)}
}

// listOrMap is the shape of variables and labels: KEY=VALUE lines or a mapping, where KEY alone takes the value from outside.
func listOrMap() *shape {
	return &shape{item: one(assignment), free: one(asIs), name: variableName, nulls: true}
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
