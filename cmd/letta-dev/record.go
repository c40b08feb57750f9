package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/letta-dev/letta-dev/orchestrator"
	"github.com/letta-dev/letta-dev/orchestrator/docker"
)

// record is what the state of a project keeps of its `up`, for the commands that come later. What stands in the engine is not in it:
// that is what labels say.
type record struct {
	Folder string       `json:"folder,omitempty"` // where the project was started; empty once `down` has freed it
	Engine engineChoice `json:"engine,omitzero"`  // that has its containers and its data
}

// engineChoice is an engine as it was chosen: enough to find it again from another folder, shell or process.
type engineChoice struct {
	Host    string            `json:"host,omitempty"`    // as in DOCKER_HOST
	Context string            `json:"context,omitempty"` // of the docker CLI, where that was chosen: it says how to speak to Host
	TLS     map[string]string `json:"tls,omitempty"`     // else the variables that do
}

func (c engineChoice) isZero() bool { return c.Host == "" }

func (p paths) recordFile() string { return filepath.Join(p.State, "project.json") }

// readRecord is the zero record where none is kept.
func (p paths) readRecord() (record, error) {
	var r record
	b, err := os.ReadFile(p.recordFile())
	if errors.Is(err, fs.ErrNotExist) || isNoFolder(err) {
		return r, nil
	}
	if err != nil {
		return r, p.stateProblem("reading where the project was started", err)
	}
	if err := json.Unmarshal(b, &r); err != nil {
		return r, &recordError{p.recordFile(), err}
	}
	return r, nil
}

// writeRecord keeps a record; the zero one is none.
func (p paths) writeRecord(r record) error {
	if r.Folder == "" && r.Engine.isZero() {
		err := p.Owner.Make(p.recordFile(), func() error { return os.Remove(p.recordFile()) })
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return p.stateProblem("forgetting where the project was started", err)
	}
	return p.stateProblem("keeping where the project was started", p.replace(p.recordFile(), r))
}

// replace writes a file of the state as a whole: a reader sees the old one or the new one.
func (p paths) replace(path string, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return p.Owner.Make(path, func() error {
		file, err := os.CreateTemp(p.State, filepath.Base(path)+".*")
		if err != nil {
			return err
		}
		_, err = file.Write(append(b, '\n'))
		if err = errors.Join(err, file.Close()); err == nil {
			err = os.Rename(file.Name(), path)
		}
		if err != nil {
			_ = os.Remove(file.Name())
		}
		return err
	})
}

// recordError is a record that cannot be read.
type recordError struct {
	path string
	err  error
}

func (e *recordError) Error() string {
	return fmt.Sprintf("reading where the project was started: %s: %v", e.path, e.err)
}
func (e *recordError) Unwrap() error { return e.err }

// Hint takes it away: only its folder and its engine are forgotten.
func (e *recordError) Hint() string { return "rm " + quoted(e.path) }

// tlsVariables say how a host of DOCKER_HOST is spoken to.
func tlsVariables() []string { return []string{"DOCKER_TLS_VERIFY", "DOCKER_TLS", "DOCKER_CERT_PATH"} }

// choiceOf is an engine that was found by what is chosen here.
func (a *app) choiceOf(info orchestrator.EngineInfo) engineChoice {
	c := engineChoice{Host: info.Host}
	if name, ok := strings.CutPrefix(info.Found, "context "); ok {
		c.Context = name
		return c
	}
	for _, name := range tlsVariables() {
		if v := a.env.get(name); v != "" && strings.HasPrefix(info.Host, "tcp://") {
			if c.TLS == nil {
				c.TLS = map[string]string{}
			}
			if name == "DOCKER_CERT_PATH" {
				v = a.within(v)
			}
			c.TLS[name] = v
		}
	}
	return c
}

// keptEngine is the engine that a project is on: that of its `up`, whatever the environment chooses now, which is said. It is zero where
// the state keeps none. Flags that choose another one are an error while the project is up, for its containers would be left alone.
func (a *app) keptEngine(project string, rec record) (engineChoice, error) {
	other, by, err := a.otherEngine(rec)
	switch {
	case err != nil:
		return engineChoice{}, err
	case other == "":
		return rec.Engine, nil
	case !a.flagsChoose():
		a.ui.note("project %q is on the engine at %s, where it was started, whatever %s says", project, rec.Engine.Host, by)
		return rec.Engine, nil
	case rec.Folder == "":
		a.ui.note("what project %q has on the engine at %s stays there", project, rec.Engine.Host)
		return engineChoice{}, nil
	}
	return engineChoice{}, &otherEngineError{project, rec.Engine.Host, other, by, a.command}
}

func (a *app) flagsChoose() bool { return a.global.host != "" || a.global.context != "" }

// otherEngine is the engine that is chosen here, and how, where it is another than the kept one; empty otherwise.
func (a *app) otherEngine(rec record) (host, by string, err error) {
	if rec.Engine.isZero() {
		return "", "", nil
	}
	host, by, err = docker.Chosen(a.engineOptions())
	if err != nil && !a.flagsChoose() {
		return "", "", nil // the kept engine needs nothing of what is wrong there
	}
	if host == "" && a.flagsChoose() { // --context default, which is docker's own
		host, by = defaultEngine, "--context"
	}
	if err != nil || host == "" || sameEngine(host, rec.Engine.Host) {
		return "", "", err
	}
	return host, by, nil
}

// defaultEngine is where docker looks when nobody chose.
const defaultEngine = "unix:///var/run/docker.sock"

// sameEngine says whether two hosts are one: a socket has several paths where a folder is a link, as /var/run is.
func sameEngine(a, b string) bool {
	real := func(host string) string {
		if path, ok := strings.CutPrefix(host, "unix://"); ok {
			if folder, err := filepath.EvalSymlinks(filepath.Dir(path)); err == nil {
				return "unix://" + filepath.Join(folder, filepath.Base(path))
			}
		}
		return strings.TrimSuffix(host, "/")
	}
	return a == b || real(a) == real(b)
}

// engineAt connects to a kept engine; for the zero choice, to the one that is chosen here.
func (a *app) engineAt(ctx context.Context, project string, c engineChoice) (*docker.Engine, error) {
	if c.isZero() {
		return a.engine(ctx)
	}
	o := a.engineOptions()
	o.Host, o.Context, o.Recorded = c.Host, "", true
	if c.Context != "" {
		o.Host, o.Context = "", c.Context
	}
	o.LookupEnv = func(name string) (string, bool) {
		if slices.Contains(tlsVariables(), name) {
			v, ok := c.TLS[name]
			return v, ok
		}
		return a.env(name)
	}
	engine, err := a.findEngine(ctx, o)
	if is[*orchestrator.UnreachableError](err) {
		return nil, &keptEngineError{project, c.Host, err}
	}
	return engine, err
}

// otherEngineError says that flags choose another engine than the one that a project is on.
type otherEngineError struct{ project, kept, chosen, by, command string }

func (e *otherEngineError) Error() string {
	return fmt.Sprintf("project %q was started on the engine at %s, and %s chooses another, %s; nothing was changed", e.project, e.kept, e.by, e.chosen)
}

// Hint is the same command on the engine of the project; for `up`, what ends it there.
func (e *otherEngineError) Hint() string {
	if e.command == "up" {
		return "letta-dev down  # ends it there, its data stays there too; then this again"
	}
	return "letta-dev " + e.command + "  # without " + e.by
}

// keptEngineError says that the engine that a project is on does not answer.
type keptEngineError struct {
	project, host string
	err           error
}

func (e *keptEngineError) Error() string {
	return fmt.Sprintf("project %q was started on the engine at %s, which does not answer; its containers and its data stay there: %v", e.project, e.host, e.err)
}

func (e *keptEngineError) Unwrap() error { return e.err }
