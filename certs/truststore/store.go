package truststore

import (
	"context"
	"crypto/x509"
	"slices"

	"github.com/letta-dev/letta-dev/certs"
	"github.com/letta-dev/letta-dev/certs/host"
)

// A Store is one place that clients take their trusted roots from.
type Store interface {
	// Name returns what people call it: "system", "Chrome", "Firefox". Several stores may share a name.
	Name() string

	// Status tells whether clients of the store trust root, from the store's own content and in a few milliseconds.
	// The error has a Hint where the store cannot be used at all, and then the State is Unavailable.
	Status(ctx context.Context, root certs.Root) (Status, error)

	// Commands returns what Change would run now, for people to read or to run themselves. It is empty where nothing is
	// to be done, and where that cannot be told.
	Commands(ctx context.Context, action Action, root certs.Root) ([]host.Command, error)

	// Change adds root, and does nothing where it is trusted; or removes it and every other root that is claimed with it,
	// and it is no error if there is none. The error is a [*RightsError] if it needs rights that the Env does not grant, and
	// then nothing has changed.
	Change(ctx context.Context, action Action, root certs.Root) error
}

// An Action is what can be done to a store.
type Action string

// The actions.
const (
	ToInstall   Action = "install"
	ToUninstall Action = "uninstall"
)

// A State is what a store thinks of a root.
type State string

// The states.
const (
	Trusted     State = "trusted"
	Absent      State = "absent"
	Partial     State = "partial"     // it is there, but clients do not trust it; installing mends that
	Unavailable State = "unavailable" // the store cannot be read or changed
)

// Evidence is how a State is known.
type Evidence string

// The kinds of evidence, the strongest first.
const (
	ByHandshake Evidence = "handshake" // a client that reads the store accepted, or refused, a TLS server
	ByTool      Evidence = "tool"      // the store's own tool says so: certutil, or security on macOS
	ByBundle    Evidence = "bundle"    // the certificate stands in the file clients read, or does not
)

// A Status is a State, how it is known, and what else was found.
type Status struct {
	State State
	Known Evidence
	Where string              // the file, folder or keychain
	Stale []*x509.Certificate // other roots of this package that the store holds, as far as they are claimed with the root
	Other []*x509.Certificate // and those that are not: see [certs.Claim]
}

// A Family is the stores of one kind, by mkcert's word for it (TRUST_STORES).
type Family string

// The families, in the order in which their stores are changed.
const (
	System   Family = "system"   // what the system keeps: a bundle on Linux, the keychain, the user's roots on Windows
	NSS      Family = "nss"      // the databases of Chromium and Firefox on Linux
	Java     Family = "java"     // the roots of every JVM
	Policies Family = "policies" // policies of Chromium and Firefox, on Linux
)

// Stores returns the trust stores of a machine, of the families named or, if none is, of System and NSS. Where the
// system's is of a kind this package cannot change, it is in the list all the same and its Status says what to do.
func Stores(env host.Env, families ...Family) []Store {
	if len(families) == 0 {
		families = []Family{System, NSS}
	}
	var stores []Store
	for _, f := range []struct {
		name Family
		find func(host.Env) []Store
	}{{System, systemStores}, {NSS, nssStores}, {Java, javaStores}, {Policies, policyStores}} {
		if slices.Contains(families, f.name) {
			stores = append(stores, f.find(env)...)
		}
	}
	return stores
}

func systemStores(env host.Env) []Store {
	switch env.GOOS {
	case "darwin":
		return []Store{&keychain{env: env}}
	case "windows":
		return []Store{&windowsStore{env: env}}
	}
	stores := []Store{newSystemStore(env)}
	if inWSL(env) {
		stores = append(stores, &windowsStore{env: env, wsl: true})
	}
	return stores
}

// unsupported is a store this package knows of and cannot change: it says why, and what to do, to everything.
type unsupported struct {
	name string
	why  *host.Error
}

func (u *unsupported) Name() string { return u.name }

func (u *unsupported) Status(context.Context, certs.Root) (Status, error) {
	return Status{State: Unavailable, Where: u.why.Path}, u.why
}

// Commands has nothing to remove: nothing was installed here.
func (u *unsupported) Commands(_ context.Context, action Action, _ certs.Root) ([]host.Command, error) {
	if action == ToUninstall {
		return nil, nil
	}
	return nil, u.why
}

func (u *unsupported) Change(ctx context.Context, action Action, root certs.Root) error {
	_, err := u.Commands(ctx, action, root)
	return err
}
