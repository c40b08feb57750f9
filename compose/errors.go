package compose

import (
	"fmt"
	"strings"
)

// FileError is a mistake in a file that a person wrote.
type FileError struct {
	File   string // as the person named it
	Line   int    // from 1; 0 where no single line is to blame
	What   string // what is wrong there
	Advice string // what to type or to write instead
	Err    error  // cause, whose text is in What; may be nil
}

// Error is what is wrong, after FILE:LINE.
func (e *FileError) Error() string { return place(e.File, e.Line) + ": " + e.What }

// Unwrap returns the cause; nil where the file itself is the mistake.
func (e *FileError) Unwrap() error { return e.Err }

// Hint says what to type or to write instead.
func (e *FileError) Hint() string { return e.Advice }

// SubsetError lists every key of the files that letta-dev does not run. Nothing of a file is ignored in silence: a container
// without its `read_only` or its memory limit would be another container than the one the file describes.
type SubsetError struct {
	Files    []string  // all that were read, as the person named them
	Refusals []Refusal // in the order of the files; never empty
}

// Refusal is one key outside the subset.
type Refusal struct {
	File    string
	Line    int
	Key     string // with its path, as in services.web.build
	Service string // the service it stands in; empty outside of services
	Known   bool   // a key of the compose specification, not a slip of the pen
	Instead string // what to do instead
}

// Error has a line for each refusal, with its place and what to do instead.
func (e *SubsetError) Error() string {
	lines := make([]string, len(e.Refusals))
	for i, r := range e.Refusals {
		kind := "not a key of compose files"
		if r.Known {
			kind = "not supported"
		} else if strings.HasPrefix(r.Key, "x-letta-dev.") {
			kind = "not a setting of letta-dev"
		}
		lines[i] = fmt.Sprintf("%s: %s is %s: %s", place(r.File, r.Line), r.Key, kind, r.Instead)
	}
	return strings.Join(lines, "\n")
}

// Hint is the way on: where the keys are good compose, docker compose can run them and letta-dev attach to the result.
func (e *SubsetError) Hint() string {
	for _, r := range e.Refusals {
		if !r.Known {
			return "correct " + place(r.File, r.Line)
		}
	}
	return fmt.Sprintf("docker compose -f %s up -d && letta-dev up --attach CONTAINER", strings.Join(e.Files, " -f "))
}

// CycleError is a circle of depends_on: nothing in it could start first.
type CycleError struct {
	File     string
	Line     int
	Services []string // each depends on the next, the last on the first
}

// Error shows the circle, from a service back to itself.
func (e *CycleError) Error() string {
	circle := append(append([]string{}, e.Services...), e.Services[0])
	return fmt.Sprintf("%s: depends_on goes in a circle: %s", place(e.File, e.Line), strings.Join(circle, " → "))
}

// Hint says how to break the circle.
func (e *CycleError) Hint() string {
	return fmt.Sprintf("take one of them out of depends_on in %s", place(e.File, e.Line))
}

func place(file string, line int) string {
	if line == 0 {
		return file
	}
	return fmt.Sprintf("%s:%d", file, line)
}
