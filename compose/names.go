package compose

import (
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
)

// DefaultName is the project of the embedded stack.
const DefaultName = "letta-dev"

// NameError is a name that cannot be a project's: it becomes a label and the beginning of container, network and volume names.
type NameError struct {
	Name string // as given; empty when none could be made of the folder's name
	Dir  string // folder whose name was tried; empty when the name was given
}

func (e *NameError) Error() string {
	if e.Dir != "" {
		return fmt.Sprintf("no project name can be made of the folder %q", e.Dir)
	}
	return fmt.Sprintf("%q cannot be a project name: lower case letters, digits, - and _ only, beginning with a letter or digit", e.Name)
}

// Hint says how to give one.
func (e *NameError) Hint() string {
	if good := normalName(e.Name); good != "" {
		return "letta-dev up --project " + good
	}
	return "letta-dev up --project NAME"
}

// name decides the project's name: the override, else the file's, else the folder's.
func (l *loading) name(o Options) error {
	p := l.project
	switch {
	case o.Name != "":
		if normalName(o.Name) != o.Name {
			return &NameError{Name: o.Name}
		}
		p.Name = o.Name
	case l.model.Name != "":
		if p.Name = normalName(l.model.Name); p.Name == "" {
			return l.reader.failAt("name", "", "%q has no letter or digit that a project name can have", l.model.Name)
		}
	default:
		if p.Name = normalName(filepath.Base(l.dir)); p.Name == "" {
			return &NameError{Dir: l.dir}
		}
	}
	return nil
}

// normalName is what compose makes of a name. https://docs.docker.com/compose/how-tos/project-name/
func normalName(s string) string {
	s = regexp.MustCompile(`[^a-z0-9_-]+`).ReplaceAllString(strings.ToLower(s), "")
	return strings.TrimLeft(s, "_-")
}

// containerName is the file's, else what compose would call it. Two projects of the embedded stack can run side by side: only
// the one with the stack's own name calls its container letta-server.
func (l *loading) containerName(service, named string) string {
	switch {
	case named == "":
		return fmt.Sprintf("%s-%s-1", l.project.Name, service)
	case len(l.project.Files) == 0 && l.project.Name != DefaultName:
		return l.project.Name + "-" + named
	}
	return named
}
