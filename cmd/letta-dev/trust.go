package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os/exec"
	"slices"
	"strings"
	"time"

	"github.com/letta-dev/letta-dev/certs"
	"github.com/letta-dev/letta-dev/certs/host"
	"github.com/letta-dev/letta-dev/certs/truststore"
)

// authority opens the certificate authority, making it where there is none.
func (a *app) authority(files paths) (*certs.Authority, host.Env, bool, error) {
	env, options, err := a.authorityOptions(files)
	if err != nil {
		return nil, env, false, err
	}
	authority, created, err := openAuthority(files, options)
	return authority, env, created, err
}

// openAuthority opens or makes an authority with options of its own. It tells a folder that cannot be had from other trouble.
func openAuthority(files paths, options certs.Options) (*certs.Authority, bool, error) {
	authority, created, err := certs.Open(files.Certs, options)
	if errors.Is(err, fs.ErrNotExist) { // of a folder above it, which could not be made
		err = &dataError{err, files}
	}
	return authority, created, files.dataProblem(err)
}

// loadAuthority opens the authority that there is, and makes none.
func (a *app) loadAuthority(files paths) (*certs.Authority, host.Env, error) {
	env, options, err := a.authorityOptions(files)
	if err != nil {
		return nil, env, err
	}
	authority, err := certs.Load(files.Certs, options)
	return authority, env, files.dataProblem(err)
}

// authorityOptions are those of every authority here: our clock, and whom its files are for.
func (a *app) authorityOptions(files paths) (host.Env, certs.Options, error) {
	env, err := host.Detect(a.env.get)
	if err != nil {
		err = &dataError{err, files}
	}
	return env, certs.Options{Now: a.now, Holder: env.Holder, Owner: files.Owner}, err
}

// keeper keeps the leaves that a serving process presents, and tells of those it renews.
func (a *app) keeper(cfg serveConfig, renewed func(certs.Renewal)) (*certs.Keeper, error) {
	authority, _, _, err := a.authority(cfg.Files)
	if err != nil {
		return nil, err
	}
	return certs.NewKeeper(authority, certs.KeeperOptions{Hosts: cfg.Hosts, Renewed: renewed})
}

// trustForUp has the authority trusted as far as mode and this process's rights allow, and says in one line what came of it. A store
// that did not take it is a warning: https works all the same for those who bring the root.
func (a *app) trustForUp(ctx context.Context, cfg serveConfig, mode string) error {
	authority, env, _, err := a.authority(cfg.Files)
	if err != nil {
		return err
	}
	keeper, err := certs.NewKeeper(authority, certs.KeeperOptions{Hosts: cfg.Hosts})
	if err != nil {
		return offerPair(err, authority, cfg.Hosts)
	}
	a.warnOfEnd(authority.EndsSoon())
	line := fmt.Sprintf("%s · %d days", keeper.Names(), a.daysTo(keeper.NotAfter()))
	if mode == "none" {
		a.ui.begin("certs", "").done("%s · not installed anywhere (--trust none)", line)
		return nil
	}
	env.Attended = a.ui.interactive()
	env.Elevate, env.Waits = a.elevates(mode), a.tellStoreWait
	stores := truststore.Stores(env)
	if mode == "user" {
		stores = slices.DeleteFunc(stores, func(s truststore.Store) bool { return needsRoot(ctx, s, authority) })
	}
	results := a.trust(ctx, authority, stores, env)
	a.debugStores(results)
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	row := a.ui.begin("certs", "")
	if names := trustedBy(results); names != "" {
		row.done("%s · trusted by %s", line, names)
	} else {
		row.warn("%s · trusted by nothing yet", line)
		a.offerMkcert(ctx, env)
	}
	a.warnUntrusted(results)
	return nil
}

// elevates says whether `up` may ask for root's rights.
func (a *app) elevates(mode string) bool {
	return mode == "all" || mode == "auto" && a.ui.interactive()
}

// needsRoot says whether a store can only be changed with rights this process does not have.
func needsRoot(ctx context.Context, s truststore.Store, authority *certs.Authority) bool {
	commands, err := s.Commands(ctx, truststore.ToInstall, authority.Root())
	return err == nil && slices.ContainsFunc(commands, func(c host.Command) bool { return c.NeedsRoot })
}

// trust installs the authority, after saying what needs more rights than this process has: sudo's own prompt is then the consent.
func (a *app) trust(ctx context.Context, authority *certs.Authority, stores []truststore.Store, env host.Env) []truststore.Result {
	for _, s := range stores {
		commands, err := s.Commands(ctx, truststore.ToInstall, authority.Root())
		if err != nil || env.UID == 0 || !env.Elevate {
			continue
		}
		for _, c := range commands {
			if c.NeedsRoot {
				a.ui.note("the %s store needs: %s", s.Name(), c)
			}
		}
	}
	return truststore.Install(ctx, authority, stores, nil)
}

// trustedBy names the stores that trust the authority, each once. One whose client did not come to the proof is not among them.
func trustedBy(results []truststore.Result) string {
	var names []string
	for _, r := range results {
		if r.After == truststore.Trusted && r.Err == nil && !slices.Contains(names, r.Store) {
			names = append(names, r.Store)
		}
	}
	return strings.Join(names, ", ")
}

// warnUntrusted says, a line a kind of store, which did not take the authority, why, and what to type.
func (a *app) warnUntrusted(results []truststore.Result) {
	var said []string
	for _, r := range results {
		if r.Err == nil || slices.Contains(said, r.Store) {
			continue
		}
		said = append(said, r.Store)
		e := explain(r.Err)
		if is[*truststore.RightsError](r.Err) {
			e.Hint = "letta-dev certs install"
		}
		a.ui.warn("%s does not trust our certificates: %s; to change that: %s", r.Store, e.Message, e.Hint)
	}
}

// trustStatus is what `status` says of the authority; nil where there is none yet.
type trustStatus struct {
	Root        string       `json:"root,omitempty"`
	Fingerprint string       `json:"fingerprint,omitempty"`
	NotAfter    time.Time    `json:"notAfter,omitzero"`
	Stores      []storeState `json:"stores"`
	Mkcert      string       `json:"mkcert,omitempty"` // mkcert's root, where that one is trusted and ours is not

	end error // that the authority ends soon
}

// storeState is one trust store.
type storeState struct {
	Store  string              `json:"store"`
	Where  string              `json:"where,omitempty"`
	State  truststore.State    `json:"state"`
	Known  truststore.Evidence `json:"known,omitempty"`
	Client string              `json:"client,omitempty"` // from whom that is known: curl, chromium, tstclnt, java
	Stale  []string            `json:"stale,omitempty"`  // older roots of ours in it
	Others []string            `json:"others,omitempty"` // and those of other users, or of ours under another HOME
	Error  string              `json:"error,omitempty"`
	Hint   string              `json:"hint,omitempty"`
}

// trustStatus reads the stores without trying handshakes; it takes milliseconds.
func (a *app) trustStatus(ctx context.Context, files paths) *trustStatus {
	authority, env, err := a.loadAuthority(files)
	if err != nil {
		return nil // there is none, and `up` says so where it matters
	}
	t := newTrustStatus(authority)
	root := a.claim(env, files).Root()
	if root.Certificate == nil { // mkcert's
		root = authority.Root()
	}
	for _, s := range truststore.Stores(env) {
		t.look(ctx, s, root)
	}
	return t
}

// warnOfEnd says that the authority ends soon, and what to do about it.
func (a *app) warnOfEnd(end error) {
	if end != nil {
		e := explain(end)
		a.ui.warn("%s; to make another: %s", e.Message, e.Hint)
	}
}

// look adds what a store says by itself.
func (t *trustStatus) look(ctx context.Context, s truststore.Store, root certs.Root) {
	st, err := s.Status(ctx, root)
	t.add(truststore.Result{Store: s.Name(), Where: st.Where, After: st.State, Known: st.Known, Stale: st.Stale, Other: st.Other, Err: err})
}

func newTrustStatus(authority *certs.Authority) *trustStatus {
	root := authority.Root()
	return &trustStatus{Root: root.Path, Fingerprint: root.Fingerprint(), NotAfter: authority.NotAfter(), Stores: []storeState{}, end: authority.EndsSoon()}
}

func (t *trustStatus) add(r truststore.Result) {
	s := storeState{Store: r.Store, Where: r.Where, State: r.After, Known: r.Known, Client: r.Client}
	for _, c := range r.Stale {
		s.Stale = append(s.Stale, certs.Root{Certificate: c}.Name())
	}
	for _, c := range r.Other {
		s.Others = append(s.Others, certs.Root{Certificate: c}.Name())
	}
	if r.Err != nil {
		e := explain(r.Err)
		s.Error, s.Hint = e.Message, e.Hint
	}
	t.Stores = append(t.Stores, s)
}

// summary is the trust in one line.
func (t *trustStatus) summary() string {
	var yes, no []string
	for _, s := range t.Stores {
		list := &no
		if s.State == truststore.Trusted {
			list = &yes
		}
		if !slices.Contains(*list, s.Store) {
			*list = append(*list, s.Store)
		}
	}
	switch {
	case len(yes) == 0:
		return "trusted by nothing; letta-dev certs install"
	case len(no) > 0:
		return fmt.Sprintf("trusted by %s, not by %s", strings.Join(yes, ", "), strings.Join(no, ", "))
	}
	return "trusted by " + strings.Join(yes, ", ")
}

// resolveTime bounds the question whether the system's resolver knows *.localhost: a resolver without a network may take its time.
const resolveTime = time.Second

// resolves says whether the system's resolver knows letta.localhost. It asks getent, whose answer is the C library's; where there is none
// it takes it for known.
func (a *app) resolves(ctx context.Context) bool {
	getent, err := exec.LookPath("getent")
	if err != nil {
		return true
	}
	ctx, cancel := context.WithTimeout(ctx, resolveTime)
	defer cancel()
	return exec.CommandContext(ctx, getent, "hosts", "letta.localhost").Run() == nil
}

// curlTrust is what curl has to be told so that it trusts us: nothing where the system's store does.
func (a *app) curlTrust(ctx context.Context, files paths) string {
	t := a.trustStatus(ctx, files)
	if t == nil {
		return ""
	}
	for _, s := range t.Stores {
		if s.Store == "system" && s.State == truststore.Trusted {
			return ""
		}
	}
	return "--cacert " + quoted(t.Root) + " "
}
