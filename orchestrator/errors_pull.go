package orchestrator

import (
	"fmt"
	"strings"
)

// PullReason is why an image could not be had.
type PullReason string

// The reasons an engine's answer can be told apart by.
const (
	PullNotFound   PullReason = "the registry does not know that name or tag"
	PullNoNetwork  PullReason = "the registry cannot be reached"
	PullNeedsLogin PullReason = "the registry wants a login"
	PullDiskFull   PullReason = "the engine's disk is full"
	PullSilent     PullReason = "nothing more was heard of it"
	PullOther      PullReason = "the engine could not pull it"
)

// PullError says that an image is neither present nor to be had.
type PullError struct {
	Image  string
	Reason PullReason
	Err    error
}

// Error is the reason, then the engine's own words.
func (e *PullError) Error() string {
	return fmt.Sprintf("pulling image %q: %s: %v", e.Image, e.Reason, e.Err)
}

// Unwrap returns the engine's error.
func (e *PullError) Unwrap() error { return e.Err }

// Hint is the command that helps against the reason.
func (e *PullError) Hint() string {
	switch e.Reason {
	case PullNotFound:
		return "check the name, or choose another: letta-dev up --image letta/letta:0.16.8"
	case PullNoNetwork:
		return "check the network, then try by hand: docker pull " + e.Image
	case PullNeedsLogin:
		return "docker login " + registryOf(e.Image)
	case PullDiskFull:
		return "see what takes the space: docker system df"
	}
	return "try by hand: docker pull " + e.Image
}

// registryOf is the registry part of a reference as `docker login` wants it: empty for Docker Hub.
func registryOf(image string) string {
	first, _, found := strings.Cut(image, "/")
	if found && (strings.ContainsAny(first, ".:") || first == "localhost") {
		return first
	}
	return ""
}
