package main

import (
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/letta-dev/letta-dev/certs"
)

func newCertsRenew(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "renew",
		Short: "Issue the certificates of our proxies anew, now",
		Long: `renew issues new certificates for all names our proxies have been using, long before it is time for that. Proxies that run take
them up within seconds, and no connection is touched. They renew by themselves, too, when a third of their 90 days is left.

What ` + "`certs create`" + ` has written is for other servers, and stays as it is: create it again.`,
		Example: "  letta-dev certs renew",
		Args:    noArgs,
		RunE:    func(*cobra.Command, []string) error { return a.renewLeaves() },
	}
}

// renewedLeaf is one of the answer of `certs renew`.
type renewedLeaf struct {
	Names    certs.Names `json:"names"`
	NotAfter time.Time   `json:"notAfter"`
}

func (a *app) renewLeaves() error {
	files, err := a.paths("letta-dev")
	if err != nil {
		return err
	}
	authority, _, err := a.loadAuthority(files)
	if err != nil {
		return err
	}
	renewed, err := authority.Renew()
	if err != nil {
		return fmt.Errorf("renewing the certificates: %w", err)
	}
	a.warnOfEnd(authority.EndsSoon())
	leaves := []renewedLeaf{}
	for _, r := range renewed {
		leaves = append(leaves, renewedLeaf{r.Names, r.NotAfter})
	}
	return a.ui.answer("certs renew", leaves, func(w io.Writer) {
		tab := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
		defer tab.Flush()
		for _, l := range leaves {
			fmt.Fprintf(tab, "%s\tuntil %s\n", l.Names, day(l.NotAfter))
		}
	})
}
