package orchestrator

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
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
	case "image":
		return fmt.Sprintf("docker tag %[1]s mine:kept && docker rmi %[1]s  # keeps it under another name, then the same again", e.Name)
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
	if isTimeout(e.Err) {
		return fmt.Sprintf("no Letta server answers at %s: something takes connections there and does not answer", e.URL)
	}
	return fmt.Sprintf("no Letta server answers at %s: %v", e.URL, e.Err)
}

// Unwrap returns what came instead of an answer.
func (e *NoAnswerError) Unwrap() error { return e.Err }

// Hint asks the server by hand.
func (e *NoAnswerError) Hint() string {
	return "curl -i " + strings.TrimSuffix(e.URL, "/") + "/v1/health/"
}

// AnswerError is an answer to the health check that is not that of a Letta server which is ready.
type AnswerError struct {
	Code   int    // the status
	Server string // the field of that name
	Err    error  // of a 200: why its body is not Letta's
}

// Error is the status, what the answer says of its server, and why a 200 is none.
func (e *AnswerError) Error() string {
	said := strings.TrimSpace(fmt.Sprintf("the health check answers %d %s", e.Code, http.StatusText(e.Code)))
	if e.Server != "" {
		said += fmt.Sprintf(" (Server: %.80q)", e.Server)
	}
	if e.Err != nil {
		said += fmt.Sprintf(", and not in Letta's form: %v", e.Err)
	}
	return said
}

// Unwrap returns why a body is not Letta's.
func (e *AnswerError) Unwrap() error { return e.Err }

// foreign says that the answer is that of another program. What stands before a server that starts says 5xx.
func (e *AnswerError) foreign() bool { return e.Code < 500 }

// NotLettaError says that something else than a Letta server answers at a URL or in a container, and has for a while.
type NotLettaError struct {
	URL       string
	Container string // where it is in one, which then has no URL
	Err       *AnswerError
}

// Error is the place, and what answers there.
func (e *NotLettaError) Error() string {
	place := "at " + e.URL
	if e.Container != "" {
		place = "in container " + e.Container
	}
	return fmt.Sprintf("what answers %s is not a Letta server: %v", place, e.Err)
}

// Unwrap returns the answer.
func (e *NotLettaError) Unwrap() error { return e.Err }

// Hint shows the whole answer, or what the container says of itself.
func (e *NotLettaError) Hint() string {
	if e.Container != "" {
		return "docker logs --tail 50 " + e.Container
	}
	return (&NoAnswerError{URL: e.URL}).Hint()
}

// UnansweredError says that the server in a container runs and does not answer its health check.
type UnansweredError struct {
	Container string
	Limit     time.Duration // that it had
	Err       error         // what came instead of an answer
}

// Error is how long it had, and what came instead where that was not nothing.
func (e *UnansweredError) Error() string {
	said := e.Container + " runs, and its health check (/v1/health/) has "
	if isTimeout(e.Err) {
		return said + fmt.Sprintf("had no answer for %v", e.Limit)
	}
	return said + fmt.Sprintf("failed for %v: %v", e.Limit, e.Err)
}

// Unwrap returns what came instead of an answer.
func (e *UnansweredError) Unwrap() error { return e.Err }

// Hint starts it again.
func (e *UnansweredError) Hint() string {
	return "docker restart " + e.Container + "  # its last words: letta-dev logs --tail 50"
}

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

// MissingFileError says that a file the stack mounts into a container is not there.
type MissingFileError struct {
	Container string
	Err       error // the engine's, with the path
}

func (e *MissingFileError) Error() string {
	return fmt.Sprintf("container %q: a file that is mounted into it is not there: %v", e.Container, e.Err)
}

func (e *MissingFileError) Unwrap() error { return e.Err }

// Hint says when it works.
func (e *MissingFileError) Hint() string { return "letta-dev up  # once the file is in its place" }
