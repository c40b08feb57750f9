package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/letta-dev/letta-dev/certs"
)

// trustOptions are those of certs install and uninstall.
type trustOptions struct {
	action   certs.Action
	dryRun   bool
	policies bool
}

// changeTrust installs or uninstalls. It fails when a store did not take the change, after all have been tried.
func (a *app) changeTrust(ctx context.Context, o trustOptions) error {
	families, err := a.families(o.action, o.policies)
	if err != nil {
		return err
	}
	files, err := a.paths("letta-dev")
	if err != nil {
		return err
	}
	env, err := a.hostEnv()
	if err != nil {
		return err
	}
	stores := storesOf(ctx, env, families, o.policies)
	if o.dryRun {
		return a.printCommands(ctx, o.action, files, stores, env)
	}
	authority, err := a.authorityFor(o.action, files)
	if err != nil {
		return err
	}
	var results []certs.Result
	if o.action == certs.ToInstall {
		results = a.installAll(ctx, authority, stores, env)
	} else {
		results = certs.Untrust(ctx, authority, stores, nil)
	}
	failed := a.tellResults(o.action, results)
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if failed == nil && o.action == certs.ToUninstall {
		if err := a.removeKeys(ctx, authority, env, files); err != nil {
			return err
		}
	}
	if failed != nil {
		return &trustError{string(o.action), failed}
	}
	return a.ui.answer("certs "+string(o.action), storeStates(results), func(io.Writer) {})
}

// installAll installs, and tries the stores that trusted the authority before too: success is what has been seen.
func (a *app) installAll(ctx context.Context, authority *certs.Authority, stores []certs.Store, env certs.Env) []certs.Result {
	results := a.trust(ctx, authority, stores, env)
	var before []certs.Store
	var places []int
	for i, r := range results {
		if r.Err == nil && len(r.Commands) == 0 {
			before, places = append(before, stores[i]), append(places, i)
		}
	}
	for i, r := range certs.Prove(ctx, authority, before, nil) {
		results[places[i]] = r
	}
	return results
}

// removeKeys deletes the authority, also one too broken to load, unless a store that was left out still holds a root of ours.
func (a *app) removeKeys(ctx context.Context, authority *certs.Authority, env certs.Env, files paths) error {
	var root certs.Root
	if authority != nil && !authority.Mkcert() {
		root = authority.Root()
	}
	if name := leftOut(ctx, env, root, nil); name != "" {
		a.ui.note("the keys stay: TRUST_STORES leaves out the %s store, which may still trust them", name)
		return nil
	}
	if err := errors.Join(certs.Remove(files.Certs, env.OwnerOf(files.Certs)), certs.Withdraw(files.roots(), env.OwnerOf(files.roots()))); err != nil {
		return err
	}
	if authority != nil && authority.Mkcert() {
		a.ui.note("mkcert's CA stays, and so does what mkcert itself has installed: mkcert -uninstall takes that out")
	}
	a.ui.note("no keys of ours are left in %s", files.Certs)
	a.noteServed(ctx, files)
	return nil
}

// leftOut names a store that may hold a root of ours and is none of those that were, or would be, cleared.
func leftOut(ctx context.Context, env certs.Env, root certs.Root, cleared []certs.Store) string {
	for _, s := range certs.Stores(env, certs.System, certs.NSS, certs.Java, certs.Policies) {
		if slices.ContainsFunc(cleared, func(c certs.Store) bool { return c.Name() == s.Name() }) {
			continue
		}
		if commands, err := s.Commands(ctx, certs.ToUninstall, root); err != nil || len(commands) > 0 {
			return s.Name()
		}
	}
	return ""
}

// authorityFor is the authority to install, made where there is none, or the one to uninstall, which may be gone or broken: what the
// stores hold of ours is found by what it is.
func (a *app) authorityFor(action certs.Action, files paths) (*certs.Authority, error) {
	if action == certs.ToInstall {
		authority, _, _, err := a.authority(files)
		return authority, err
	}
	authority, _, err := a.loadAuthority(files)
	if err != nil {
		return nil, nil
	}
	return authority, nil
}

func (a *app) tellResults(action certs.Action, results []certs.Result) (failed error) {
	for _, r := range results {
		row := a.ui.begin(r.Store, "")
		switch {
		case r.Err != nil:
			failed = errors.Join(failed, r.Err)
			row.fail("%s: %v", r.Where, r.Err)
		case action == certs.ToUninstall && len(r.Commands) == 0:
			row.done("%s: nothing of ours in it", r.Where)
		case action == certs.ToUninstall:
			row.done("%s: removed, known by %s", r.Where, known(r.Known, r.Client))
		case r.Before == certs.Trusted:
			row.done("%s: trusted already, known by %s", r.Where, known(r.Known, r.Client))
		default:
			row.done("%s: installed, known by %s", r.Where, known(r.Known, r.Client))
		}
	}
	return failed
}

// trustError says that not every store is as wanted. The machine is not ready then, so its exit code is 3.
type trustError struct {
	action string
	err    error
}

func (e *trustError) Error() string { return fmt.Sprintf("certs %s: %v", e.action, e.err) }
func (e *trustError) Unwrap() error { return e.err }

// Hint is that of the first store that failed.
func (e *trustError) Hint() string {
	var h hinter
	if errors.As(e.err, &h) {
		return h.Hint()
	}
	return "letta-dev certs status"
}

func storeStates(results []certs.Result) []storeState {
	t := trustStatus{Stores: []storeState{}}
	for _, r := range results {
		t.add(r)
	}
	return t.Stores
}
