package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/letta-dev/letta-dev/certs"
	"github.com/letta-dev/letta-dev/certs/truststore"
)

func newCertsStatus(a *app) *cobra.Command {
	return &cobra.Command{
		Use:     "status",
		Short:   "Show which stores trust our authority, each tried by a handshake",
		Example: "  letta-dev certs status\n  letta-dev certs status --json",
		Args:    noArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return a.certsStatus(cmd.Context()) },
	}
}

func (a *app) certsStatus(ctx context.Context) error {
	families, err := a.families("", false)
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
	stores := storesOf(ctx, env, families, false)
	authority, _, err := a.loadAuthority(files)
	t := &trustStatus{Stores: []storeState{}}
	claim := a.claim(env, files)
	switch {
	case errors.Is(err, fs.ErrNotExist): // older roots of ours may be trusted all the same
		for _, s := range stores {
			t.look(ctx, s, claim.Root())
		}
	case err != nil:
		return fmt.Errorf("reading the certificate authority: %w", err)
	default:
		a.warnOfEnd(authority.EndsSoon())
		t = newTrustStatus(authority)
		truststore.Prove(ctx, claim, stores, t.add)
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if !t.trusted() {
		t.Mkcert, _ = a.trustedMkcert(ctx, env)
	}
	verdict := t.verdict()
	if verdict != nil && a.global.json {
		a.ui.data = t // one envelope holds both
		return verdict
	}
	if err := a.ui.answer("certs status", t, func(w io.Writer) { t.print(w, a.asTyped) }); err != nil {
		return err
	}
	return verdict
}

// verdict is the error that a status ends with when a store cannot be used, or holds the root and is not believed. That a store has none
// is no error: nobody may have wanted it there.
func (t *trustStatus) verdict() error {
	for _, s := range t.Stores {
		if s.State == truststore.Unavailable || s.State == truststore.Partial || s.Error != "" {
			return &trustError{action: "status", err: &storeError{s}}
		}
	}
	return nil
}

// storeError is a store that is not as it should be.
type storeError struct{ storeState }

func (e *storeError) Error() string {
	if e.storeState.Error == "" {
		return fmt.Sprintf("the %s store trusts the authority in part: %s", e.Store, e.Where)
	}
	return fmt.Sprintf("the %s store is %s: %s", e.Store, e.State, e.storeState.Error)
}

// Hint is the store's own, or what completes an installation.
func (e *storeError) Hint() string { return cmp.Or(e.storeState.Hint, "letta-dev certs install") }

// trusted tells whether any store trusts the authority.
func (t *trustStatus) trusted() bool {
	return slices.ContainsFunc(t.Stores, func(s storeState) bool { return s.State == truststore.Trusted })
}

// installable tells whether a store does not trust the authority and has no advice of its own on that.
func (t *trustStatus) installable() bool {
	return t.Root != "" && slices.ContainsFunc(t.Stores, func(s storeState) bool { return s.State != truststore.Trusted && s.Error == "" })
}

func (t *trustStatus) print(w io.Writer, asTyped func(string) string) {
	if t.Root == "" {
		fmt.Fprint(w, asTyped("there is no authority yet; `letta-dev up` makes one\n\n"))
	} else {
		fmt.Fprintf(w, "%s, until %s\nSHA-256 %s\n\n", printable(t.Root), day(t.NotAfter), t.Fingerprint)
	}
	tab := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, s := range t.Stores {
		fmt.Fprintf(tab, "%s\t%s\t%s\t%s\n", s.Store, s.State, known(s.Known, s.Client), printable(s.Where))
	}
	_ = tab.Flush() // of standard output, which nobody can be told about
	for _, s := range t.Stores {
		if s.Error != "" {
			fmt.Fprintf(w, "\n%s: %s\n  try: %s\n", s.Store, printableLines(s.Error), printableLines(asTyped(s.Hint)))
		}
	}
	if n := t.count(func(s storeState) []string { return s.Stale }); n != "" && t.Root != "" {
		fmt.Fprintf(w, "\nolder roots of ours: %s; to have this one alone: %s\n", n, asTyped("letta-dev certs uninstall && letta-dev certs install"))
	} else if n != "" {
		fmt.Fprintf(w, "\nroots of ours that are left: %s; to remove them: %s\n", n, asTyped("letta-dev certs uninstall"))
	}
	if n := t.count(func(s storeState) []string { return s.Others }); n != "" {
		fmt.Fprintf(w, "\nroots of other users or folders: %s; to remove all: %s\n", n, asTyped("letta-dev certs uninstall --all"))
	}
	if t.Mkcert != "" {
		fmt.Fprintf(w, "\nmkcert's CA is trusted here, ours is not; to use that: %s\n", asTyped(certs.UseMkcert))
	}
	if t.installable() {
		fmt.Fprintf(w, "\nto have it trusted: %s\n", asTyped("letta-dev certs install"))
	}
}

// count says how many roots of a kind each store holds: "system 2, Java 1".
func (t *trustStatus) count(of func(storeState) []string) string {
	var stores []string
	counts := map[string]int{}
	for _, s := range t.Stores {
		if n := len(of(s)); n > 0 && counts[s.Store] == 0 {
			stores = append(stores, s.Store)
		}
		counts[s.Store] += len(of(s))
	}
	for i, name := range stores {
		stores[i] = fmt.Sprintf("%s %d", name, counts[name])
	}
	return strings.Join(stores, ", ")
}

// known is how a state is known, and from whom.
func known(evidence truststore.Evidence, client string) string {
	if client == "" {
		return string(evidence)
	}
	return string(evidence) + ", " + client
}
