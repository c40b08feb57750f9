package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/letta-dev/letta-dev/certs"
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
	switch {
	case errors.Is(err, fs.ErrNotExist): // older roots of ours may be trusted all the same
		for _, s := range stores {
			t.look(ctx, s, certs.Root{})
		}
	case err != nil:
		return fmt.Errorf("reading the certificate authority: %w", err)
	default:
		a.warnOfEnd(authority.EndsSoon())
		t = newTrustStatus(authority)
		certs.Prove(ctx, authority, stores, t.add)
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if !t.trusted() {
		t.Mkcert, _ = a.trustedMkcert(ctx, env)
	}
	return a.ui.answer("certs status", t, func(w io.Writer) { t.print(w, a.asTyped) })
}

// trusted tells whether any store trusts the authority.
func (t *trustStatus) trusted() bool {
	return slices.ContainsFunc(t.Stores, func(s storeState) bool { return s.State == certs.Trusted })
}

// installable tells whether a store does not trust the authority and has no advice of its own on that.
func (t *trustStatus) installable() bool {
	return t.Root != "" && slices.ContainsFunc(t.Stores, func(s storeState) bool { return s.State != certs.Trusted && s.Error == "" })
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
		for _, name := range s.Stale {
			fmt.Fprintf(w, "\n%s, %s: also holds an older root of ours: %s\n", s.Store, printable(s.Where), printable(name))
		}
		if s.Error != "" {
			fmt.Fprintf(w, "\n%s: %s\n  try: %s\n", s.Store, printableLines(s.Error), printableLines(asTyped(s.Hint)))
		}
	}
	if t.Mkcert != "" {
		fmt.Fprintf(w, "\nmkcert's CA is trusted here, ours is not; to use that: %s\n", asTyped(certs.UseMkcert))
	}
	if t.installable() {
		fmt.Fprintf(w, "\nto have it trusted: %s\n", asTyped("letta-dev certs install"))
	}
}

// known is how a state is known, and from whom.
func known(evidence certs.Evidence, client string) string {
	if client == "" {
		return string(evidence)
	}
	return string(evidence) + ", " + client
}
