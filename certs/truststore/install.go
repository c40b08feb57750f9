package truststore

import (
	"context"
	"crypto/x509"
	"errors"
	"slices"

	"github.com/letta-dev/letta-dev/certs"
	"github.com/letta-dev/letta-dev/certs/host"
	"github.com/letta-dev/letta-dev/crash"
)

// A Result is what became of one store.
type Result struct {
	Store    string // its name
	Where    string // its file, folder or keychain
	Before   State
	After    State
	Known    Evidence            // how After is known
	Client   string              // who made the handshake, or was asked in its place: "curl", "tstclnt"; empty if nobody was
	Stale    []*x509.Certificate // other roots of this package that it holds and are claimed: see [certs.Claim]
	Other    []*x509.Certificate // and those that are not
	Removed  []*x509.Certificate // what was taken out of it
	Commands []host.Command      // what was run, or, if Err is a RightsError, what has to be
	Err      error               // why the store is not as wanted; nil if it is
}

// Install installs the authority's root in every store that does not trust it yet, and proves every one by a handshake, also
// those that trusted it before: what they hold says less than what a client makes of it. One store that fails does not keep the others from being tried. The stores are changed one after the other, and after the last of
// them, because clients may read several, all are tried side by side. Report, if not nil, is told each result, in the order
// of the stores.
func Install(ctx context.Context, a *certs.Authority, stores []Store, report func(Result)) []Result {
	return each(stores, report, func(s Store) func() Result {
		r := change(ctx, s, ToInstall, a.Root())
		if r.Err == nil && len(r.Commands) > 0 && r.After != Trusted {
			r.Err = &host.Error{Doing: "trust the root", Path: r.Where, Err: errors.New("the store did not take it, though its commands succeeded"),
				Advice: r.Commands[len(r.Commands)-1].String()}
		}
		if r.Err != nil {
			return r.itself
		}
		return func() Result { return proven(ctx, a, s, r) }
	})
}

// Uninstall removes what is claimed from the stores, and proves by what is left in them, and for the root of an authority by
// a handshake, that nothing trusts it any more. Of mkcert's roots it removes what [Install] has put there, and leaves what
// mkcert did; stores that keep no names, of macOS and Windows, leave both to mkcert. What lies in the user's home is
// theirs, claimed or not. Order and report are as in [Install].
func Uninstall(ctx context.Context, claim certs.Claim, stores []Store, report func(Result)) []Result {
	a, root := claim.Authority, claim.Root()
	if root.Certificate == nil {
		a = nil
	}
	return each(stores, report, func(s Store) func() Result {
		r := change(ctx, s, ToUninstall, root)
		if r.Err != nil || len(r.Commands) == 0 {
			return r.itself
		}
		left, err := s.Commands(ctx, ToUninstall, root)
		switch {
		case err != nil:
			r.Err = err
		case len(left) > 0:
			r.Err = &host.Error{Doing: "remove the root", Path: r.Where, Err: errors.New("the store still holds one of ours"), Advice: left[0].String()}
		case a != nil:
			return func() Result { return proven(ctx, a, s, r) }
		}
		return r.itself
	})
}

// Prove tells of every store whether its clients accept a server with a leaf of the claim's Authority, by a handshake. All are
// tried side by side; report is told in the order of the stores.
func Prove(ctx context.Context, claim certs.Claim, stores []Store, report func(Result)) []Result {
	root := claim.Of(claim.Authority.Root())
	return each(stores, report, func(s Store) func() Result {
		return func() Result {
			r := look(ctx, s, root)
			if r.Err != nil {
				return r
			}
			return proven(ctx, claim.Authority, s, r)
		}
	})
}

// each does something with the stores in two parts: begin one after the other, and then what it returned side by side.
func each(stores []Store, report func(Result), begin func(Store) (finish func() Result)) []Result {
	finish, finished := make([]func() Result, len(stores)), make([]chan Result, len(stores))
	for i, s := range stores {
		finish[i], finished[i] = begin(s), make(chan Result, 1)
	}
	for i := range stores {
		go func() {
			defer crash.Recover()
			finished[i] <- finish[i]()
		}()
	}
	results := make([]Result, len(stores))
	for i := range stores {
		results[i] = <-finished[i]
		if report != nil {
			report(results[i])
		}
	}
	return results
}

func (r Result) itself() Result { return r }

// look asks a store what it says, when nobody is changing it.
func look(ctx context.Context, s Store, root certs.Root) Result {
	lock, err := turn(ctx, s)
	if err != nil {
		return Result{Store: s.Name(), Before: Unavailable, After: Unavailable, Err: err}
	}
	_ = lock.Close() // nothing was written
	status, err := s.Status(ctx, root)
	return Result{Store: s.Name(), Where: status.Where, Before: status.State, After: status.State, Known: status.Known,
		Stale: status.Stale, Other: status.Other, Err: err}
}

// change has a store do what it says it would, and looks again.
func change(ctx context.Context, s Store, action Action, root certs.Root) Result {
	r := look(ctx, s, root)
	if action == ToInstall && (r.Err != nil || r.Before == Trusted) {
		return r
	}
	r.Commands, r.Err = s.Commands(ctx, action, root) // a store that cannot be read may still have nothing to remove
	if r.Err == nil && len(r.Commands) > 0 {
		r.Err = s.Change(ctx, action, root)
	}
	if r.Err != nil || len(r.Commands) == 0 {
		return r
	}
	after := look(ctx, s, root)
	after.Before, after.Commands = r.Before, r.Commands
	if action == ToUninstall {
		after.Removed = slices.DeleteFunc(r.Stale, func(c *x509.Certificate) bool { return slices.ContainsFunc(after.Stale, c.Equal) })
		if r.Before != Absent && after.After == Absent && root.Certificate != nil {
			after.Removed = append(after.Removed, root.Certificate)
		}
	}
	return after
}
