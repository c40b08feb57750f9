package main

import (
	"context"
	"fmt"

	"github.com/letta-dev/letta-dev/orchestrator"
	"github.com/letta-dev/letta-dev/orchestrator/docker"
)

// findEngine finds the engine of a project and says which.
func (r *upRun) findEngine(ctx context.Context, project string) error {
	row := r.app.ui.begin("docker", "")
	engine, err := r.engineOf(ctx, project)
	if err != nil {
		row.drop()
		return err
	}
	info := engine.Info()
	name := info.Version
	if info.Name != "docker" {
		name = info.Name + " " + info.Version
	}
	row.done("%s · %s", name, info.Host)
	r.engine = engine
	return nil
}

// engineOf is the engine that the project is on. One that is chosen here takes its place where the project has nothing there any more, or
// where --force moves it.
func (r *upRun) engineOf(ctx context.Context, project string) (*docker.Engine, error) {
	files, err := r.app.paths(project)
	if err != nil {
		return nil, err
	}
	if r.record, err = files.readRecord(); err != nil {
		return nil, err
	}
	moves, err := r.movesEngine(ctx, project)
	if err != nil {
		return nil, err
	}
	var kept engineChoice
	if !moves {
		if kept, err = r.app.keptEngine(project, r.record); err != nil {
			return nil, err
		}
	}
	engine, err := r.app.engineAt(ctx, project, kept)
	if err != nil {
		return nil, err
	}
	if r.cfg.Engine = kept; kept.isZero() {
		r.cfg.Engine = r.app.choiceOf(engine.Info())
	}
	return engine, nil
}

// movesEngine says whether the engine that is chosen here is used in the place of the kept one.
func (r *upRun) movesEngine(ctx context.Context, project string) (bool, error) {
	other, _, err := r.app.otherEngine(r.record)
	if err != nil || other == "" && !r.o.force || r.record.Engine.isZero() {
		return false, err
	}
	has := true
	kept, unreachable := r.app.engineAt(ctx, project, r.record.Engine)
	if unreachable == nil {
		have, err := kept.Observe(ctx, orchestrator.Query{Project: project})
		if err != nil {
			return false, err
		}
		has = holdsAny(have, project)
	}
	switch {
	case ctx.Err() != nil:
		return false, context.Cause(ctx)
	case !has:
		return other != "", nil
	case r.o.force && (other != "" || unreachable != nil):
		r.app.ui.note("what project %q has on the engine at %s stays there", project, r.record.Engine.Host)
		return true, nil
	}
	return false, nil
}

// holdsAny says whether an engine has a container or a volume of a project.
func holdsAny(have orchestrator.Observation, project string) bool {
	for _, c := range have.Containers {
		if c.Labels.Ours(project) {
			return true
		}
	}
	for _, labels := range have.Volumes {
		if labels.Ours(project) {
			return true
		}
	}
	return false
}

// checkFolder refuses to change a project that was started in another folder, whose settings this one's would take the place of.
func (r *upRun) checkFolder(have orchestrator.Observation) error {
	folder := ""
	if r.live != nil {
		folder = r.record.Folder
	}
	for _, c := range have.Containers {
		if c.Labels.Ours(r.project.Name) && folder == "" {
			if folder = r.record.Folder; folder == "" { // the state is gone, or another user's
				folder = c.Labels[orchestrator.LabelFolder]
			}
		}
	}
	if folder == "" || folder == r.project.Dir || isFile(folder, r.project.Dir) || r.o.force {
		return nil
	}
	return &elsewhereError{r.project.Name, folder, r.project.Dir}
}

// elsewhereError says that a project was started in another folder.
type elsewhereError struct{ project, folder, here string }

func (e *elsewhereError) Error() string {
	return fmt.Sprintf("project %q was started in %s, and not in %s, whose settings may be others; nothing was changed", e.project, e.folder, e.here)
}

// Hint goes there, or moves the project.
func (e *elsewhereError) Hint() string {
	return fmt.Sprintf("cd %s  # to go on there; to move the project here: letta-dev up --force", quoted(e.folder))
}

// keep has the state say where the project is. What was kept before stays when this `up` fails and leaves nothing.
func (r *upRun) keep() (undo func(error), err error) {
	now := record{Folder: r.project.Dir, Engine: r.cfg.Engine}
	if r.engine == nil { // a server without one: where the data of another `up` is stays known
		now.Engine = r.record.Engine
	}
	if err := r.files.writeRecord(now); err != nil {
		return nil, err
	}
	return func(failed error) {
		if failed != nil && !r.leaves() {
			_ = r.files.writeRecord(r.record) // the failure is what is told
		}
	}, nil
}

// leaves says whether a failed `up` may have left something in the engine, where later commands have to find it.
func (r *upRun) leaves() bool {
	if r.engine == nil {
		return false
	}
	ctx, cancel := context.WithTimeout(context.Background(), haltTime) // that of the command may have ended
	defer cancel()
	have, err := r.engine.Observe(ctx, orchestrator.Query{Project: r.project.Name})
	return err != nil || holdsAny(have, r.project.Name)
}
