package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"
)

// noteServed says which proxies go on with a certificate of an authority that is gone, and how to end them.
func (a *app) noteServed(ctx context.Context, files paths) {
	var names, commands []string
	for _, project := range servedProjects(files) {
		served, err := a.paths(project)
		if err != nil {
			continue
		}
		live, err := a.live(ctx, served)
		if err == nil && (live == nil || live.Certificate == nil || live.ownPair()) {
			continue // it ended, or serves nothing of ours
		}
		names, commands = append(names, project), append(commands, "letta-dev down --project "+project)
	}
	if len(names) > 0 {
		a.ui.note("a proxy still runs, with a certificate that nothing trusts any more (%s); to end it: %s", strings.Join(names, ", "), strings.Join(commands, " && "))
	}
}

// servedProjects are those whose live lock is held, beside the one whose files are given.
func servedProjects(files paths) (projects []string) {
	state := filepath.Dir(files.State)
	entries, _ := os.ReadDir(state) // none where nothing ever ran
	for _, entry := range entries {
		if free, err := (paths{State: filepath.Join(state, entry.Name()), Owner: files.Owner}).isFree(); err == nil && !free {
			projects = append(projects, entry.Name())
		}
	}
	return projects
}
