package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/letta-dev/letta-dev/certs"
)

func newCerts(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "certs",
		Short: "The certificate authority and who trusts it",
		Example: `  letta-dev certs install      # have it trusted by the system and the browsers
  letta-dev certs status
  letta-dev certs uninstall`,
		Args: subcommand,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newCertsInit(a), newCertsRenew(a))
	cmd.AddCommand(newCertsInstall(a), newCertsUninstall(a), newCertsStatus(a), newCertsPath(a), newCertsCreate(a))
	return cmd
}

func newCertsInstall(a *app) *cobra.Command {
	return a.trustCommand(certs.ToInstall, &cobra.Command{
		Use:   "install",
		Short: "Have our authority trusted by the system's store and the browsers'",
		Long: `install adds our root certificate to the system's store and the NSS databases of Chromium and Firefox, and tries each with
a handshake. The root can sign for localhost and this machine's loopback addresses only, and its key was thrown away.`,
		Example: "  letta-dev certs install\n  letta-dev certs install --dry-run     # the commands it would run",
	})
}

func newCertsUninstall(a *app) *cobra.Command {
	return a.trustCommand(certs.ToUninstall, &cobra.Command{
		Use:     "uninstall",
		Short:   "Take our authority out of all stores and delete its keys",
		Example: "  letta-dev certs uninstall\n  letta-dev certs uninstall --dry-run",
	})
}

// trustCommand gives the words of a command what installing and uninstalling share.
func (a *app) trustCommand(action certs.Action, cmd *cobra.Command) *cobra.Command {
	var dryRun bool
	cmd.Args = noArgs
	cmd.RunE = func(cmd *cobra.Command, _ []string) error { return a.changeTrust(cmd.Context(), action, dryRun) }
	cmd.Flags().BoolVar(&dryRun, "dry-run", false, "print the commands and run none")
	return cmd
}

func newCertsStatus(a *app) *cobra.Command {
	return &cobra.Command{
		Use:     "status",
		Short:   "Show which stores trust our authority, each tried by a handshake",
		Example: "  letta-dev certs status\n  letta-dev certs status --json",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			files, err := a.paths("letta-dev")
			if err != nil {
				return err
			}
			env, err := certs.HostEnv(a.env.get)
			if err != nil {
				return err
			}
			authority, err := certs.Load(files.Certs, certs.Options{Holder: env.Holder})
			if errors.Is(err, fs.ErrNotExist) {
				return a.ui.answer("certs status", nil, func(w io.Writer) { fmt.Fprintln(w, "there is no authority yet; `letta-dev up` makes one") })
			}
			if err != nil {
				return fmt.Errorf("reading the certificate authority: %w", err)
			}
			a.warnOfEnd(authority.EndsSoon())
			t := newTrustStatus(authority)
			certs.Prove(cmd.Context(), authority, certs.Stores(env), t.add)
			return a.ui.answer("certs status", t, t.print)
		},
	}
}

func (t *trustStatus) print(w io.Writer) {
	fmt.Fprintf(w, "%s, until %s\nSHA-256 %s\n\n", t.Root, t.NotAfter.Local().Format("2006-01-02"), t.Fingerprint)
	tab := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	defer tab.Flush()
	for _, s := range t.Stores {
		fmt.Fprintf(tab, "%s\t%s\t%s\t%s\n", s.Store, s.State, s.Known, s.Where)
		if s.Error != "" {
			fmt.Fprintf(tab, "\t\t\t%s; try: %s\n", s.Error, s.Hint)
		}
	}
}

func newCertsPath(a *app) *cobra.Command {
	return &cobra.Command{
		Use:     "path",
		Short:   "Print the path of our root certificate",
		Example: "  curl --cacert \"$(letta-dev certs path)\" https://localhost:8283/v1/health/\n  NODE_EXTRA_CA_CERTS=\"$(letta-dev certs path)\" node app.mjs",
		Args:    noArgs,
		RunE: func(*cobra.Command, []string) error {
			files, err := a.paths("letta-dev")
			if err != nil {
				return err
			}
			authority, _, _, err := a.authority(files)
			if err != nil {
				return err
			}
			path := authority.Root().Path
			return a.ui.answer("certs path", map[string]string{"root": path}, func(w io.Writer) { fmt.Fprintln(w, path) })
		},
	}
}
