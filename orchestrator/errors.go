package orchestrator

import (
	"errors"
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

// EngineGoneError says that the engine stopped answering after it had been found.
type EngineGoneError struct{ Err error }

// Error says why the engine is taken for gone: in one line, for it is the cause that others give.
func (e *EngineGoneError) Error() string {
	if at := e.attempt(); at != nil {
		return fmt.Sprintf("the container engine at %s stopped answering: %v", at.Host, at.Err)
	}
	return fmt.Sprintf("the container engine stopped answering: %v", e.Err)
}

// Unwrap returns why.
func (e *EngineGoneError) Unwrap() error { return e.Err }

// Hint looks whether it runs.
func (e *EngineGoneError) Hint() string {
	if at := e.attempt(); at != nil {
		return fmt.Sprintf("docker --host %s version", at.Host)
	}
	return "docker version"
}

// attempt is the try to reach the engine that failed; nil where it is not known.
func (e *EngineGoneError) attempt() *Attempt {
	var unreachable *UnreachableError
	if errors.As(e.Err, &unreachable) && len(unreachable.Tried) == 1 {
		return &unreachable.Tried[0]
	}
	return nil
}
