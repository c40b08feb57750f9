package orchestrator

import (
	"fmt"
	"strings"
)

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
