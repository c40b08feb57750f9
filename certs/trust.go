package certs

import (
	"context"
	"errors"
	"fmt"
)

// A Result is what became of one store.
type Result struct {
	Store    string // its name
	Where    string // its file, folder or keychain
	Before   State
	After    State
	Known    Evidence  // how After is known
	Commands []Command // what was run, or, if Err is a RightsError, what has to be
	Err      error     // why the store is not as wanted; nil if it is
}

// Trust installs the authority's root in every store that does not trust it yet, and proves it by a handshake. One store
// that fails does not keep the others from being tried. Report, if not nil, is told each result as it comes.
func Trust(ctx context.Context, a *Authority, stores []Store, report func(Result)) []Result {
	return each(stores, report, func(s Store) Result {
		r := change(ctx, s, ToInstall, a.Root(), s.Install)
		if r.Err != nil || len(r.Commands) == 0 {
			return r
		}
		if r.After != Trusted {
			r.Err = &Error{Doing: "trust the root", Path: r.Where, Err: errors.New("the store did not take it, though its commands succeeded"),
				Advice: r.Commands[len(r.Commands)-1].String()}
			return r
		}
		return proven(ctx, a, s, r)
	})
}

// Untrust removes the root of a, which may be nil, and every other root of this package from the stores, and proves by
// what is left in them, and for a by a handshake, that nothing trusts it any more.
func Untrust(ctx context.Context, a *Authority, stores []Store, report func(Result)) []Result {
	var root Root
	if a != nil {
		root = a.Root()
	}
	return each(stores, report, func(s Store) Result {
		r := change(ctx, s, ToUninstall, root, s.Uninstall)
		if r.Err != nil || len(r.Commands) == 0 {
			return r
		}
		left, err := s.Commands(ctx, ToUninstall, root)
		switch {
		case err != nil:
			r.Err = err
		case len(left) > 0:
			r.Err = &Error{Doing: "remove the root", Path: r.Where, Err: errors.New("the store still holds one of ours"), Advice: left[0].String()}
		case a != nil:
			return proven(ctx, a, s, r)
		}
		return r
	})
}

// Prove tells of every store whether its clients accept a server with a leaf of the authority, by a handshake.
func Prove(ctx context.Context, a *Authority, stores []Store, report func(Result)) []Result {
	return each(stores, report, func(s Store) Result {
		status, err := s.Status(ctx, a.Root())
		r := Result{Store: s.Name(), Where: status.Where, Before: status.State, After: status.State, Known: status.Known, Err: err}
		if err != nil {
			return r
		}
		return proven(ctx, a, s, r)
	})
}

func each(stores []Store, report func(Result), do func(Store) Result) []Result {
	results := make([]Result, 0, len(stores))
	for _, s := range stores {
		r := do(s)
		results = append(results, r)
		if report != nil {
			report(r)
		}
	}
	return results
}

// change has a store do what it says it would, and looks again.
func change(ctx context.Context, s Store, action Action, root Root, do func(context.Context, Root) error) Result {
	before, err := s.Status(ctx, root)
	r := Result{Store: s.Name(), Where: before.Where, Before: before.State, After: before.State, Known: before.Known, Err: err}
	if action == ToInstall && (err != nil || before.State == Trusted) {
		return r
	}
	r.Commands, r.Err = s.Commands(ctx, action, root) // a store that cannot be read may still have nothing to remove
	if r.Err == nil && len(r.Commands) > 0 {
		r.Err = do(ctx, root)
	}
	if r.Err != nil || len(r.Commands) == 0 {
		return r
	}
	after, err := s.Status(ctx, root)
	r.After, r.Known, r.Err = after.State, after.Known, err
	return r
}

// proven tries what the store says on a client that reads it, and believes the client.
func proven(ctx context.Context, a *Authority, s Store, r Result) Result {
	client, ok := s.(prover)
	if !ok {
		return r
	}
	p, err := newProof(a)
	if err != nil {
		r.Err = err
		return r
	}
	defer p.close()
	known, err := client.prove(ctx, p)
	switch {
	case err == nil && r.After != Trusted:
		r.Err = fmt.Errorf("%s holds no root of ours, but its clients accept it", r.Store)
	case err != nil && r.After == Trusted:
		r.After, r.Err = Partial, fmt.Errorf("the root is in the store, but its clients refuse it: %w", err)
	}
	r.Known = known
	return r
}
