package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/letta-dev/letta-dev/crash"
	"github.com/letta-dev/letta-dev/orchestrator"
)

type downOptions struct {
	volumes     bool
	yes         bool
	waitTimeout time.Duration
}

func newDown(a *app) *cobra.Command {
	var o downOptions
	cmd := &cobra.Command{
		Use:        "down",
		SuggestFor: []string{"stop", "rm", "delete"},
		Short:      "Stop and remove what letta-dev made; data stays",
		Long: `down ends the proxy, asks Postgres to stop, and stops and removes the containers and networks that letta-dev made for
this project. What it attached to keeps running. Volumes, which hold your agents, stay unless --volumes is given.`,
		Example: `  letta-dev down
  letta-dev down --volumes          # delete the data too; asks for the project's name
  letta-dev down --project mine`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if o.waitTimeout <= 0 {
				return usagef("letta-dev down --wait-timeout 3m", "--wait-timeout %s is not a time to wait", o.waitTimeout)
			}
			return a.down(cmd.Context(), o)
		},
	}
	cmd.Flags().BoolVar(&o.volumes, "volumes", false, "delete the project's volumes too")
	cmd.Flags().BoolVar(&o.yes, "yes", false, "do not ask before data is deleted")
	cmd.Flags().DurationVar(&o.waitTimeout, "wait-timeout", defaultWait, "how long to wait for another letta-dev to let go of the project")
	return cmd
}

// downResult is what `down` did.
type downResult struct {
	Project string              `json:"project"`
	Proxy   bool                `json:"proxyStopped"`
	Steps   []orchestrator.Step `json:"steps"`

	served    *liveStatus // how the proxy stood before; nil where none was asked
	elsewhere *servedElsewhereError
}

func (a *app) down(ctx context.Context, o downOptions) error {
	project, err := a.projectName(ctx)
	if err != nil {
		return err
	}
	files, err := a.paths(project)
	if err != nil {
		return err
	}
	if o.volumes && !o.yes {
		if err := a.confirm(ctx, project); err != nil {
			return err
		}
	}
	if err := a.takeDown(ctx, project, files, o); err != nil {
		return &takeDownError{err}
	}
	return nil
}

// takeDownError is what kept `down` from its end. What it did until then is not undone.
type takeDownError struct{ error }

func (e *takeDownError) Unwrap() error { return e.error }

// takeDown is `down` after all questions.
func (a *app) takeDown(ctx context.Context, project string, files paths, o downOptions) error {
	rec, err := files.readRecord()
	if err != nil {
		return err
	}
	kept, err := a.keptEngine(project, rec)
	if err != nil {
		return err
	}
	result := downResult{Project: project}
	unlock, err := a.stopForDown(ctx, files, o.waitTimeout, &result)
	if err != nil {
		return err
	}
	defer unlock()
	if !result.Proxy {
		result.elsewhere = a.servedElsewhere(files, "down")
	}
	if e := result.elsewhere; e != nil && e.sameUser {
		return e
	}
	plan, data, err := a.teardown(ctx, project, kept, files, o.volumes, result.elsewhere)
	switch absent := is[*orchestrator.UnreachableError](err) && !o.volumes; {
	case absent && result.served.withoutEngine() && !kept.isZero():
		a.ui.note("the engine at %s does not answer; what project %q has there stays", kept.Host, project)
		data, err = true, nil
	case absent && kept.isZero() && (result.served.withoutEngine() || result.served == nil && noEngineHere(err)):
		a.ui.note("no container engine answers, and letta-dev knows of no container of project %q", project)
		err = nil
	}
	if err != nil {
		return err
	}
	rec.Folder = "" // it is free now
	if !data {
		rec.Engine = engineChoice{}
	}
	if err := files.writeRecord(rec); err != nil {
		return err
	}
	result.Steps = plan.Steps
	return a.ui.answer("down", result, func(w io.Writer) {
		if !result.Proxy && len(plan.Steps) == 0 {
			fmt.Fprintf(w, "nothing of project %q runs\n", project)
		}
	})
}

// noEngineHere says that this machine has no engine, not even a stopped one, and that nobody chose one elsewhere: then there is no
// container of ours.
func noEngineHere(err error) bool {
	var unreachable *orchestrator.UnreachableError
	return errors.As(err, &unreachable) && !slices.ContainsFunc(unreachable.Tried, func(a orchestrator.Attempt) bool {
		return a.Found != "known socket" || !errors.Is(a.Err, fs.ErrNotExist)
	})
}

// stopForDown ends the serving process and returns with the project locked, so that no `up` begins in between and is left without
// its containers. An `up` that is under way has the lock, and ends once nothing serves its project.
func (a *app) stopForDown(ctx context.Context, files paths, patience time.Duration, result *downResult) (unlock func(), err error) {
	stop := func() error {
		if err := a.awaitServing(ctx, files, patience); err != nil {
			return err
		}
		if live, err := a.live(ctx, files); err == nil && live != nil { // what is wrong with a process that does not answer, its stop will say
			result.served = live
		}
		was, err := a.stopServing(ctx, files, patience)
		if was && err == nil {
			result.Proxy = true
			a.ui.begin("proxy", "").done("stopped")
		}
		return err
	}
	unlock, err = a.lockPlan(ctx, files, patience, stop)
	if err != nil {
		return nil, err
	}
	if err := stop(); err != nil {
		unlock()
		return nil, err
	}
	return unlock, nil
}

// teardown removes the project's things from the engine. It says whether data of the project is still there.
func (a *app) teardown(ctx context.Context, project string, kept engineChoice, files paths, volumes bool, elsewhere *servedElsewhereError) (plan orchestrator.Plan, data bool, err error) {
	engine, err := a.engineAt(ctx, project, kept)
	if err != nil {
		return plan, false, err
	}
	have, err := engine.Observe(ctx, orchestrator.Query{Project: project})
	if err != nil {
		return plan, false, err
	}
	if elsewhere != nil && holdsAny(have, project) { // what serves them is there
		return plan, false, elsewhere
	}
	for _, labels := range have.Volumes {
		data = data || labels.Ours(project) && !volumes
	}
	plan = orchestrator.Teardown(project, have, volumes)
	why := "letta-dev down"
	if volumes {
		why += " --volumes"
	}
	recorded := a.recordEnds(ctx, engine, files, plan, why)
	applier := &orchestrator.Applier{Engine: engine, Report: a.ui.step}
	err = applier.Apply(ctx, plan)
	recorded(err)
	return plan, data, err
}

// confirm has the project's name typed before its data is deleted. Without a terminal it names the flag.
func (a *app) confirm(ctx context.Context, project string) error {
	if !a.ui.interactive() {
		return usagef("letta-dev down --volumes --yes", "deleting the data of project %q needs a yes, and there is no terminal to ask on", project)
	}
	question := fmt.Sprintf("This deletes all agents and messages of project %q. Type its name to go on: ", project)
	fmt.Fprint(a.stderr, wrapLine(question, widthOf(a.stderr), 0))
	typed, err := readLine(ctx, a.stdin)
	if err != nil && typed == "" {
		return fmt.Errorf("reading the answer: %w", err)
	}
	if strings.TrimSpace(typed) != project {
		return usagef("letta-dev down", "%q is not the project's name; nothing was deleted", strings.TrimSpace(typed))
	}
	return nil
}

// readLine reads a line, or ends with ctx: a read of a terminal cannot be called off, so it is left behind.
func readLine(ctx context.Context, in io.Reader) (line string, err error) {
	done := make(chan struct{})
	var read string
	var readErr error
	go func() {
		defer crash.Recover()
		defer close(done)
		read, readErr = bufio.NewReader(in).ReadString('\n')
	}()
	select {
	case <-done:
		return read, readErr
	case <-ctx.Done():
		return "", context.Cause(ctx)
	}
}
