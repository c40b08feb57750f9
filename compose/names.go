package compose

import (
	"cmp"
	"fmt"
	"path/filepath"
	"regexp"
	"strings"

	"go.yaml.in/yaml/v4"
)

// DefaultName is the project of the embedded stack, and of a server that no stack describes.
const DefaultName = "letta-dev"

// maxName is the length of a project's name, in bytes: file systems have 255 for the name of a volume, which begins with it.
const maxName = 128

// NameError is a name that cannot be a project's: it becomes a label and the beginning of container, network and volume names.
type NameError struct {
	Name string // as given; empty when none could be made of the folder's name
	Dir  string // folder whose name was tried; empty when the name was given
}

// Error quotes the name, or the folder that gave none, and says what a name may hold.
func (e *NameError) Error() string {
	if e.Dir != "" {
		return fmt.Sprintf("no project name can be made of the folder %q", e.Dir)
	}
	if len(e.Name) > maxName {
		return fmt.Sprintf("a project name has %d characters at most, and %q… has %d", maxName, e.Name[:20], len(e.Name))
	}
	return fmt.Sprintf("%q cannot be a project name: lower case letters, digits, - and _ only, beginning with a letter or digit", e.Name)
}

// Hint says how to give one.
func (e *NameError) Hint() string {
	if good := normalName(e.Name); good != "" && len(good) <= maxName {
		return "letta-dev up --project " + good
	}
	return "letta-dev up --project NAME"
}

// CheckName returns a *NameError for a name that cannot be a project's.
func CheckName(name string) error {
	if name == "" || len(name) > maxName || normalName(name) != name {
		return &NameError{Name: name}
	}
	return nil
}

// name decides the project's name: the override, else COMPOSE_PROJECT_NAME (docker compose keeps that order, and another name
// would mean other volumes), else that in the files, else the folder's.
func (l *loading) name(files []source, roots []*yaml.Node, of aim, o Options) error {
	p := l.project
	given := cmp.Or(o.Name, l.env.get("COMPOSE_PROJECT_NAME"))
	if err := CheckName(given); given != "" && err != nil {
		return err
	}
	if p.Name = given; given == "" && of.named {
		for i, root := range roots {
			if err := l.nameIn(files[i].name, root); err != nil {
				return err
			}
		}
		if p.Name == "" {
			p.Name = normalName(filepath.Base(l.dir))
			l.noteLink()
		}
		if p.Name == "" {
			return &NameError{Dir: l.dir}
		}
	}
	p.Name = cmp.Or(p.Name, DefaultName)
	if err := CheckName(p.Name); err != nil {
		return err
	}
	l.env.environ["COMPOSE_PROJECT_NAME"] = p.Name
	return nil
}

// noteLink says that the project is called after a symbolic link: from the folder that it leads to, this is another project.
func (l *loading) noteLink() {
	if target, err := filepath.EvalSymlinks(l.dir); err == nil && normalName(filepath.Base(target)) != l.project.Name {
		l.note("the project is named %s after the symbolic link %s; seen from %s it is another one: a name: in the compose file settles it", l.project.Name, l.dir, target)
	}
}

// nameIn takes the name of one file, where it has one.
func (l *loading) nameIn(file string, root *yaml.Node) error {
	for i := 0; root.Kind == yaml.MappingNode && i+1 < len(root.Content); i += 2 {
		if root.Content[i].Value != "name" {
			continue
		}
		l.reader.file = file
		v, err := l.reader.value(root.Content[i+1], one(projectName), "name", 0)
		if err != nil {
			return err
		}
		if name, ok := v.(string); ok {
			l.project.Name = name
		}
	}
	return nil
}

// projectName reads the name of a file. compose makes one of nearly anything.
func projectName(v any) (any, error) {
	name := normalName(fmt.Sprint(v))
	if name == "" {
		return nil, fmt.Errorf("%q has no letter or digit that a project name can have", fmt.Sprint(v))
	}
	return name, nil
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
