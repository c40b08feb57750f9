package orchestrator

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// PausedError says that a container's processes are frozen.
type PausedError struct{ Container string }

// Error names the container.
func (e *PausedError) Error() string { return e.Container + " is paused, so it answers nothing" }

// Hint lets it go on.
func (e *PausedError) Hint() string { return "docker unpause " + e.Container }

// DisconnectedError says that a container is in no network any more.
type DisconnectedError struct {
	Container string
	Network   string // the one it was made for
}

// Error names the container.
func (e *DisconnectedError) Error() string {
	return e.Container + " is in no network any more, so nothing reaches it"
}

// Hint takes it back.
func (e *DisconnectedError) Hint() string {
	return fmt.Sprintf("docker network connect %s %s", e.Network, e.Container)
}

// hindrance is what keeps a container that runs from answering, as the engine knows it; nil when nothing does.
func hindrance(c Container) error {
	network := c.MadeFor
	if network == "default" {
		network = "bridge"
	}
	switch {
	case c.Status == "paused":
		return &PausedError{c.Name}
	case len(c.Networks) == 0 && isNetwork(network):
		return &DisconnectedError{c.Name, network}
	}
	return nil
}

// isNetwork tells the name of a network from the modes without one, of which Podman has several.
func isNetwork(mode string) bool {
	kind, _, _ := strings.Cut(mode, ":")
	return !slices.Contains([]string{"", "none", "host", "container", "private", "ns", "pod", "slirp4netns", "pasta"}, kind)
}

// isHindrance says whether an error is one that hindrance gives.
func isHindrance(err error) bool {
	return errors.As(err, new(*PausedError)) || errors.As(err, new(*DisconnectedError))
}
