package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"github.com/letta-dev/letta-dev/certs"
	"github.com/letta-dev/letta-dev/certs/clientenv"
	"github.com/letta-dev/letta-dev/certs/host"
	"github.com/letta-dev/letta-dev/certs/truststore"
)

// trustOptions are those of certs install and uninstall.
type trustOptions struct {
	action   truststore.Action
	dryRun   bool
	policies bool
	all      bool // what other folders' authorities have left in the stores too
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
	claim := a.claim(env, files)
	if o.all {
		claim.Folder = ""
	}
	if o.dryRun {
		return a.printCommands(ctx, o.action, files, stores, env, claim)
	}
	if o.action == truststore.ToUninstall {
		return a.uninstall(ctx, claim, stores, env, files)
	}
	authority, _, _, err := a.authority(files)
	if err != nil {
		return err
	}
	results := a.trust(ctx, authority, stores, env)
	failed := a.tellResults(o.action, results)
	return a.endTrustChange(ctx, o.action, results, failed, nil)
}

// endTrustChange is how install and uninstall end: with what failed in the stores, or beside them.
func (a *app) endTrustChange(ctx context.Context, action truststore.Action, results []truststore.Result, failed, other error) error {
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case failed != nil:
		e := &trustError{action: string(action), err: errors.Join(other, failed)}
		for _, r := range results {
			if r.Err != nil && other == nil && a.ui.showsRows() && !a.global.json {
				e.told = append(e.told, r.Store)
			}
		}
		return e
	case other != nil:
		return other
	}
	return a.ui.answer("certs "+string(action), storeStates(results), func(io.Writer) {})
}

// uninstall deletes the keys first: a store that cannot be changed, whatever is wrong with it, is then no danger.
func (a *app) uninstall(ctx context.Context, claim certs.Claim, stores []truststore.Store, env host.Env, files paths) error {
	keys := a.removeKeys(ctx, claim, stores, env, files)
	results := truststore.Uninstall(ctx, claim, stores, nil)
	failed := a.tellResults(truststore.ToUninstall, results)
	if claim.Folder == "" {
		for _, r := range results {
			for _, c := range r.Removed {
				a.ui.note("%s: removed %s", r.Store, c.Subject.CommonName)
			}
		}
	}
	left := trustStatus{Stores: storeStates(results)}
	if others := left.count(func(s storeState) []string { return s.Others }); others != "" {
		a.ui.note("roots of other authorities than the one in %s stay: %s; to remove these too: %s", files.Certs, others, a.asTyped("letta-dev certs uninstall --all"))
	}
	return a.endTrustChange(ctx, truststore.ToUninstall, results, failed, keys)
}

// claim is whose roots are this user's: those made in the folder of their authority, which may be gone or broken, and that of their mkcert.
func (a *app) claim(env host.Env, files paths) certs.Claim {
	claim := certs.Claim{Folder: files.Certs}
	if authority, _, err := a.loadAuthority(files); err == nil {
		claim.Authority = authority
		if authority.Mkcert() {
			claim.Mkcert = authority.Root().Certificate
		}
	}
	if claim.Mkcert == nil {
		if _, root, err := certs.FindMkcert(env, a.env.get); err == nil {
			claim.Mkcert = root.Certificate
		}
	}
	return claim
}

// removeKeys deletes the authority, also one too broken to load, unless a store that is left out holds a root of ours.
func (a *app) removeKeys(ctx context.Context, claim certs.Claim, stores []truststore.Store, env host.Env, files paths) error {
	if name := leftOut(ctx, env, claim.Root(), stores); name != "" {
		a.ui.note("the keys stay: TRUST_STORES leaves out the %s store, which may still trust them", name)
		return nil
	}
	left, err := certs.Remove(files.Certs, files.Owner)
	for _, name := range left {
		a.ui.note("not ours, so it stays: %s", filepath.Join(files.Certs, name))
	}
	if err = errors.Join(err, clientenv.Withdraw(files.roots(), files.Owner)); err != nil {
		return err
	}
	if claim.Authority != nil && claim.Authority.Mkcert() {
		a.ui.note("mkcert's CA stays, and so does what mkcert itself has installed: mkcert -uninstall takes that out")
	}
	a.ui.note("no keys of ours are left in %s", files.Certs)
	a.noteServed(ctx, files)
	return nil
}

// leftOut names a store that may hold a root of ours and is none of those that were, or would be, cleared.
func leftOut(ctx context.Context, env host.Env, root certs.Root, cleared []truststore.Store) string {
	for _, s := range truststore.Stores(env, truststore.System, truststore.NSS, truststore.Java, truststore.Policies) {
		if slices.ContainsFunc(cleared, func(c truststore.Store) bool { return c.Name() == s.Name() }) {
			continue
		}
		if commands, err := s.Commands(ctx, truststore.ToUninstall, root); err != nil || len(commands) > 0 {
			return s.Name()
		}
	}
	return ""
}

func (a *app) tellResults(action truststore.Action, results []truststore.Result) (failed error) {
	for _, r := range results {
		row := a.ui.begin(r.Store, "")
		switch {
		case r.Err != nil:
			failed = errors.Join(failed, r.Err)
			row.fail("%s: %v", r.Where, r.Err)
		case action == truststore.ToUninstall && len(r.Commands) == 0:
			row.done("%s: nothing of ours in it", r.Where)
		case action == truststore.ToUninstall:
			row.done("%s: removed, known by %s", r.Where, known(r.Known, r.Client))
		case r.Before == truststore.Trusted:
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
	told   []string // the stores whose rows have told why; none where err is all that is told
}

func (e *trustError) Error() string {
	if len(e.told) > 0 {
		return fmt.Sprintf("certs %s: not done in %s, for the reasons above", e.action, strings.Join(e.told, ", "))
	}
	return fmt.Sprintf("certs %s: %v", e.action, e.err)
}

func (e *trustError) Unwrap() error { return e.err }

// Hint is that of the first store that failed.
func (e *trustError) Hint() string {
	var h hinter
	if errors.As(e.err, &h) {
		return h.Hint()
	}
	return "letta-dev certs status"
}

func storeStates(results []truststore.Result) []storeState {
	t := trustStatus{Stores: []storeState{}}
	for _, r := range results {
		t.add(r)
	}
	return t.Stores
}
