package orchestrator

import (
	"fmt"
	"slices"
	"strings"
)

// ServerName is the name of the Letta server's container, ours and the one that Letta's own documentation starts.
const ServerName = "letta-server"

// Attachable finds the Letta server that somebody else started, or nil: the container with the given name, else a running one
// called letta-server, else one that compose started as service letta_server or letta-server, else one made from an image
// letta/letta. Containers that letta-dev made are never found: those it starts.
//
// It fails with *NoSuchContainerError when name is given and no such container runs, and with *AmbiguousError when a rule fits
// more than one.
func Attachable(have Observation, name string) (*Container, error) {
	if name != "" {
		return named(have, name)
	}
	rules := []func(Container) bool{
		func(c Container) bool { return c.Name == ServerName },
		func(c Container) bool {
			s := c.Labels["com.docker.compose.service"]
			return s == "letta_server" || s == ServerName
		},
		func(c Container) bool { return IsLettaImage(c.Image) },
	}
	for _, fits := range rules {
		var found []Container
		for _, c := range have.Containers {
			if c.Running && c.Labels[LabelManaged] != "true" && fits(c) {
				found = append(found, c)
			}
		}
		switch {
		case len(found) == 1:
			return &found[0], nil
		case len(found) > 1:
			return nil, &AmbiguousError{Found: found}
		}
	}
	return nil, nil
}

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

// AmbiguousError says that more than one container could be the Letta server.
type AmbiguousError struct{ Found []Container }

// Error names all that could be the server, with their images.
func (e *AmbiguousError) Error() string {
	var names []string
	for _, c := range e.Found {
		names = append(names, fmt.Sprintf("%s (%s)", c.Name, c.Image))
	}
	return "more than one running container could be the Letta server: " + strings.Join(names, ", ")
}

// Hint chooses the first of them.
func (e *AmbiguousError) Hint() string { return "letta-dev up --attach " + e.Found[0].Name }
