package orchestrator

import (
	"fmt"
	"strings"
)

// UnreachableError says that no engine answers. The command layer ends with "the machine is not ready" for it.
type UnreachableError struct {
	Tried  []Attempt // in the order they were tried
	Advice string    // the command that helps on this system
}

// Attempt is one place where an engine was looked for.
type Attempt struct {
	Host  string // unix:///var/run/docker.sock
	Found string // where the host came from: "--host", "DOCKER_HOST", "context NAME", "known socket"
	Err   error
}

// Error lists the places that were tried, a line each, after a first line that stands alone.
func (e *UnreachableError) Error() string {
	var b strings.Builder
	b.WriteString("no usable container engine")
	for _, a := range e.Tried {
		fmt.Fprintf(&b, "\n  %s (%s): %v", a.Host, a.Found, a.Err)
	}
	return b.String()
}

// Hint is the command that helps on this system.
func (e *UnreachableError) Hint() string { return e.Advice }

// Unwrap gives the causes of all attempts.
func (e *UnreachableError) Unwrap() []error {
	var errs []error
	for _, a := range e.Tried {
		errs = append(errs, a.Err)
	}
	return errs
}

// PullReason is why an image could not be had.
type PullReason string

// The reasons an engine's answer can be told apart by.
const (
	PullNotFound   PullReason = "the registry does not know that name or tag"
	PullNoNetwork  PullReason = "the registry cannot be reached"
	PullNeedsLogin PullReason = "the registry wants a login"
	PullDiskFull   PullReason = "the engine's disk is full"
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

// NameTakenError says that a container that is not ours has the name ours would have.
type NameTakenError struct {
	Name    string
	Image   string
	Running bool
}

// Error says whose name it is, and that nothing was done.
func (e *NameTakenError) Error() string {
	state := "stopped"
	if e.Running {
		state = "running"
	}
	return fmt.Sprintf("the name %q belongs to a %s container (image %s) that letta-dev did not make; it was left as it is", e.Name, state, e.Image)
}

// Hint offers the two ways out that lose nothing.
func (e *NameTakenError) Hint() string {
	if e.Running {
		return "letta-dev up --attach " + e.Name
	}
	return fmt.Sprintf("docker start %s && letta-dev up --attach %s, or give ours another name: letta-dev up --project mine", e.Name, e.Name)
}

// ForeignError says that a step met something without our labels, and did nothing.
type ForeignError struct {
	Kind string // container, network, volume, image
	Name string
}

// Error names the thing, and says that nothing was done.
func (e *ForeignError) Error() string {
	return fmt.Sprintf("%s %q exists, and letta-dev did not make it for this project; it was left as it is", e.Kind, e.Name)
}

// Hint says how such a thing can be used or avoided.
func (e *ForeignError) Hint() string {
	switch e.Kind {
	case "network", "volume":
		return "to use it, declare it with `external: true` in your compose file; to avoid it: letta-dev up --project mine"
	}
	return "letta-dev up --project mine"
}

// PortTakenError says that the engine could not publish a port because something on the engine's host holds it.
type PortTakenError struct {
	Container string
	Address   string // as the engine names it: 127.0.0.1:5432
	Err       error
}

// Error names container and address, then the engine's own words.
func (e *PortTakenError) Error() string {
	return fmt.Sprintf("starting container %q: port %s is in use: %v", e.Container, e.Address, e.Err)
}

// Unwrap returns the engine's error.
func (e *PortTakenError) Unwrap() error { return e.Err }

// Hint shows who holds the port.
func (e *PortTakenError) Hint() string {
	port := e.Address[strings.LastIndex(e.Address, ":")+1:]
	return "see who holds it: ss -ltnp 'sport = :" + port + "'"
}

// MissingError says that a network or volume that the stack declares as external is not there.
type MissingError struct{ Kind, Name string }

// Error names what is missing.
func (e *MissingError) Error() string {
	return fmt.Sprintf("%s %q is external to the stack and does not exist", e.Kind, e.Name)
}

// Hint is the command that makes it.
func (e *MissingError) Hint() string { return fmt.Sprintf("docker %s create %s", e.Kind, e.Name) }

// AbsentError says that there is no server to reach.
type AbsentError struct{ Target Target }

// Error names the target.
func (e *AbsentError) Error() string { return fmt.Sprintf("%s is not there", e.Target) }

// Hint starts one.
func (e *AbsentError) Hint() string {
	if e.Target.Container != "" {
		return "docker start " + e.Target.Container
	}
	return "letta-dev up"
}

// EngineGoneError says that the engine stopped answering after it had been found.
type EngineGoneError struct{ Err error }

// Error says why the engine is taken for gone.
func (e *EngineGoneError) Error() string {
	return fmt.Sprintf("the container engine stopped answering: %v", e.Err)
}

// Unwrap returns why.
func (e *EngineGoneError) Unwrap() error { return e.Err }

// Hint looks whether it runs.
func (e *EngineGoneError) Hint() string { return "docker version" }

// NoAnswerError says that a server started by hand does not answer its health check.
type NoAnswerError struct {
	URL string
	Err error
}

// Error is the URL, and what came instead of an answer.
func (e *NoAnswerError) Error() string {
	return fmt.Sprintf("no Letta server answers at %s: %v", e.URL, e.Err)
}

// Unwrap returns what came instead of an answer.
func (e *NoAnswerError) Unwrap() error { return e.Err }

// Hint asks the server by hand.
func (e *NoAnswerError) Hint() string {
	return "curl -i " + strings.TrimSuffix(e.URL, "/") + "/v1/health/"
}

// MissingFileError says that a file the stack mounts into a container is not there.
type MissingFileError struct {
	Container string
	Err       error // the engine's, with the path
}

func (e *MissingFileError) Error() string {
	return fmt.Sprintf("creating container %q: a file that is mounted into it is not there: %v", e.Container, e.Err)
}

func (e *MissingFileError) Unwrap() error { return e.Err }

// Hint says when it works.
func (e *MissingFileError) Hint() string { return "letta-dev up  # once the file is in its place" }
