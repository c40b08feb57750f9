package compose

import (
	"context"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"
)

// Options say where a stack is read from. The zero value is the embedded stack with an empty environment.
type Options struct {
	Files    []string // compose files, a later one over an earlier; empty: those of COMPOSE_FILE, else those in Dir, else the embedded stack
	Dir      string   // folder that relative names are seen from, and that is looked in; empty: the working folder
	Environ  []string // KEY=VALUE, as os.Environ has it; nothing else of the process is looked at
	Name     string   // project name instead of the file's
	Profiles []string // active profiles, besides those of COMPOSE_PROFILES
}

// Load reads a stack. Mistakes in files come back as *FileError, *SubsetError or *CycleError, each with the file and line;
// a name that cannot be a project's as *NameError. All have advice in Hint.
func Load(ctx context.Context, o Options) (*Project, error) { return load(ctx, o, wholeStack()) }

// LoadSettings reads x-letta-dev of the same files, for a server that they do not describe: their other keys are nobody's concern,
// and the Project has no services. o.Name is its name, else COMPOSE_PROJECT_NAME, else DefaultName.
func LoadSettings(ctx context.Context, o Options) (*Project, error) {
	return load(ctx, o, settingsAlone())
}

// aim is what is read of the files: their shape, whether they name the project, and what is built of them.
type aim struct {
	shape *shape
	named bool
	build func(*loading, []map[string]any, Options) error
}

func wholeStack() aim { return aim{fileShape(), true, (*loading).build} }

func settingsAlone() aim {
	return aim{&shape{keys: map[string]*shape{"x-letta-dev": settingsShape()}}, false, (*loading).buildSettings}
}

func load(ctx context.Context, o Options, of aim) (*Project, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	dir, err := filepath.Abs(o.Dir)
	if err != nil {
		return nil, fmt.Errorf("find the folder %q: %w", o.Dir, err)
	}
	l := &loading{project: &Project{}, dir: dir}
	if err := l.environment(o); err != nil {
		return nil, err
	}
	files, err := l.sources(o.Files)
	if err != nil {
		return nil, err
	}
	if err := l.assemble(files, o, of); err != nil {
		return nil, err
	}
	return l.project, nil
}

// assemble makes the project of files that are read already.
func (l *loading) assemble(files []source, o Options, of aim) error {
	if err := l.tls(); err != nil {
		return err
	}
	l.noteVariables()
	for _, f := range files {
		l.given = append(l.given, f.name)
	}
	if files[0].path != "" {
		l.dir = filepath.Dir(files[0].path)
	}
	l.project.Dir = l.dir
	l.reader = &reader{lookup: l.variable, put: map[string][]variable{}, at: map[string]position{}}
	trees, err := l.trees(files, of, o)
	if err != nil {
		return err
	}
	l.warn(l.reader.warnings...)
	l.warn(warnUnset(l.reader.unset, "set it in .env or in the environment, write ${NAME:-} where it may be empty, and $$ for a $ that is meant as it stands")...)
	return of.build(l, trees, o)
}

// trees reads every file. Files with nothing but settings are read over the embedded stack, which they configure. The project's
// name comes before all else, because files may name it as ${COMPOSE_PROJECT_NAME}.
func (l *loading) trees(files []source, of aim, o Options) (trees []map[string]any, err error) {
	roots := make([]*yaml.Node, len(files))
	for i, f := range files {
		if roots[i], err = l.reader.parse(f); err != nil {
			return nil, err
		}
	}
	if onlySettings(roots) {
		root, err := l.reader.parse(embedded())
		if err != nil {
			return nil, err
		}
		files, roots = append([]source{embedded()}, files...), append([]*yaml.Node{root}, roots...)
	}
	for _, f := range files {
		if files[0].path != "" {
			l.project.Files = append(l.project.Files, f.path)
		}
	}
	if err := l.name(files, roots, of, o); err != nil {
		return nil, err
	}
	for i, f := range files {
		tree, err := l.reader.read(f.name, roots[i], of.shape)
		if err != nil {
			return nil, err
		}
		trees = append(trees, tree)
	}
	return trees, nil
}

// onlySettings tells whether files say nothing of a stack, but something to letta-dev.
func onlySettings(roots []*yaml.Node) bool {
	settings := false
	for _, root := range roots {
		for i := 0; i < len(root.Content); i += 2 {
			key := root.Content[i].Value
			if root.Kind != yaml.MappingNode || key != "name" && key != "version" && !strings.HasPrefix(key, "x-") {
				return false
			}
			settings = settings || key == "x-letta-dev"
		}
	}
	return settings
}

// loading holds what the steps of one load share.
type loading struct {
	project *Project
	reader  *reader
	model   *model
	env     variables
	dir     string   // that paths of the first file are seen from
	given   []string // the files as the person named them
	read    []string // the variables that the files ask for, set or not
}

// variable is the value of one that a compose file asks for.
func (l *loading) variable(name string) (string, bool) {
	l.read = append(l.read, name)
	return l.env.lookup(name)
}

// decode merges the trees of the files, and takes over the settings.
func (l *loading) decode(trees []map[string]any) error {
	m, err := modelOf(trees)
	if err != nil && len(l.reader.refusals) > 0 {
		return &SubsetError{Files: l.given, Refusals: l.reader.refusals} // a key that is not read may be what the error misses
	}
	if err != nil {
		return l.reader.blame(err)
	}
	l.model = m
	if err := l.settle(); err != nil && len(l.reader.refusals) == 0 {
		return err
	}
	return nil
}

// buildSettings makes a project of the settings alone.
func (l *loading) buildSettings(trees []map[string]any, _ Options) error {
	l.reader.refusals = slices.DeleteFunc(l.reader.refusals, func(r Refusal) bool { return !strings.HasPrefix(r.Key, "x-") })
	if err := l.decode(trees); err != nil {
		return err
	}
	if len(l.reader.refusals) > 0 {
		return &SubsetError{Files: l.given, Refusals: l.reader.refusals}
	}
	return nil
}

// build turns the trees of the files into the project, step by step.
func (l *loading) build(trees []map[string]any, o Options) error {
	if err := l.decode(trees); err != nil {
		return err
	}
	l.keepActive(append(l.profiles(), o.Profiles...))
	l.leaveOutNginx()
	if refusals := l.refusals(); len(refusals) > 0 {
		return &SubsetError{Files: l.given, Refusals: refusals}
	}
	for _, step := range []func() error{l.resources, l.services, l.server, l.publish, l.order} {
		if err := step(); err != nil {
			return err
		}
	}
	l.noteUnread()
	return nil
}

// keepActive leaves out the services of profiles that nobody asked for. `*` is all profiles, as for compose.
func (l *loading) keepActive(profiles []string) {
	maps.DeleteFunc(l.model.Services, func(_ string, s serviceConfig) bool {
		return len(s.Profiles) > 0 && !slices.Contains(profiles, "*") &&
			!slices.ContainsFunc(s.Profiles, func(p string) bool { return slices.Contains(profiles, p) })
	})
}

// refusals are those that matter: keys of a service that does not run are nobody's concern, unless compose has no such keys.
func (l *loading) refusals() []Refusal {
	return slices.DeleteFunc(l.reader.refusals, func(r Refusal) bool {
		_, runs := l.model.Services[r.Service]
		return r.Known && r.Service != "" && !runs
	})
}

// note adds a line for the person, once.
func (l *loading) note(format string, args ...any) {
	if n := fmt.Sprintf(format, args...); !slices.Contains(l.project.Notes, n) {
		l.project.Notes = append(l.project.Notes, n)
	}
}

// warn adds lines on what the person should mend, each once.
func (l *loading) warn(lines ...string) {
	for _, line := range lines {
		if !slices.Contains(l.project.Warnings, line) {
			l.project.Warnings = append(l.project.Warnings, line)
		}
	}
}
