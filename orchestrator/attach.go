package orchestrator

import (
	"fmt"
	"slices"
	"strings"
)

// ServerName is the name of the Letta server's container, ours and the one that Letta's own documentation starts.
const ServerName = "letta-server"

// Attachable finds the Letta server that somebody else started, or nil: the container with the given name, else a running one called
// letta-server. Containers that letta-dev made are never found: those it starts.
//
// It fails with *NoSuchContainerError when name is given and no such container runs.
func Attachable(have Observation, name string) (*Container, error) {
	if name != "" {
		return named(have, name)
	}
	for _, c := range have.Containers {
		if c.Name == ServerName && others(c) {
			return &c, nil
		}
	}
	return nil, nil
}

// LookAlikes are the running containers that could be a Letta server and are called otherwise: one that compose started as service
// letta_server or letta-server, or one made from an image letta/letta. They are for a person to choose from, and never taken: it is not
// known whose they are.
func LookAlikes(have Observation) []Container {
	var found []Container
	for _, c := range have.Containers {
		service := c.Labels["com.docker.compose.service"]
		if others(c) && c.Name != ServerName && (service == "letta_server" || service == ServerName || IsLettaImage(c.Image)) {
			found = append(found, c)
		}
	}
	return found
}

// others says that a container runs that letta-dev did not make.
func others(c Container) bool { return c.Running && c.Labels[LabelManaged] != "true" }

func named(have Observation, name string) (*Container, error) {
	i := slices.IndexFunc(have.Containers, func(c Container) bool {
		return c.Name == name || len(name) >= 12 && strings.HasPrefix(c.ID, name)
	})
	if i < 0 {
		return nil, &NoSuchContainerError{Name: name}
	}
	if c := have.Containers[i]; !c.Running {
		return nil, &NoSuchContainerError{Name: name, Status: c.Status}
	}
	return &have.Containers[i], nil
}

// IsLettaImage says whether an image reference is one of the repository letta/letta, at whatever registry, tag and digest.
func IsLettaImage(ref string) bool {
	ref, _, _ = strings.Cut(ref, "@")
	slash := strings.LastIndex(ref, "/")
	if colon := strings.LastIndex(ref, ":"); colon > slash {
		ref = ref[:colon]
	}
	return ref == "letta/letta" || strings.HasSuffix(ref, "/letta/letta")
}

// NoSuchContainerError says that the container to attach to is not there, or does not run.
type NoSuchContainerError struct {
	Name   string
	Status string // empty: there is none
}

// Error says whether the container is absent or stopped.
func (e *NoSuchContainerError) Error() string {
	if e.Status == "" {
		return fmt.Sprintf("attaching to %q: there is no such container", e.Name)
	}
	return fmt.Sprintf("attaching to %q: it does not run (%s), and letta-dev does not start what it did not make", e.Name, e.Status)
}

// Hint starts it, or lists what there is.
func (e *NoSuchContainerError) Hint() string {
	if e.Status == "" {
		return "docker ps"
	}
	return "docker start " + e.Name
}
