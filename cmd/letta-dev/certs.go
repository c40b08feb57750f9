package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/letta-dev/letta-dev/certs/truststore"
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
	return a.trustCommand(truststore.ToInstall, &cobra.Command{
		Use:   "install",
		Short: "Have our authority trusted by the system, the browsers and Java",
		Long: `install adds our root certificate to the system's store, the NSS databases of Chromium and Firefox and the roots of every JVM,
and tries each with a handshake. The root can sign for localhost and this machine's loopback addresses only, and its key was thrown
away. TRUST_STORES chooses among system, nss and java, as for mkcert, and policies.

--dry-run makes nothing, not even the authority: where there is none yet, the number in its name will be another than the one shown.`,
		Example: `  letta-dev certs install
  letta-dev certs install --dry-run     # the commands it would run
  letta-dev certs install --policies    # where certutil is missing`,
	})
}

func newCertsUninstall(a *app) *cobra.Command {
	return a.trustCommand(truststore.ToUninstall, &cobra.Command{
		Use:   "uninstall",
		Short: "Take our authority out of all stores and delete its keys",
		Long: `uninstall deletes the keys, and removes our root from every store that holds it, and older roots of ours with it, whatever they
are called there. It works when our own files are gone, and as often as you like. Ours are those that were made in this user's folder;
with --all those of all others of this machine go too, each of which is named.`,
		Example: "  letta-dev certs uninstall\n  letta-dev certs uninstall --dry-run\n  letta-dev certs uninstall --all",
	})
}

// trustCommand gives the words of a command what installing and uninstalling share.
func (a *app) trustCommand(action truststore.Action, cmd *cobra.Command) *cobra.Command {
	o := trustOptions{action: action}
	cmd.Args = noArgs
	cmd.RunE = func(cmd *cobra.Command, _ []string) error { return a.changeTrust(cmd.Context(), o) }
	cmd.Flags().BoolVar(&o.dryRun, "dry-run", false, "print the commands and run none")
	if action == truststore.ToUninstall {
		cmd.Flags().BoolVar(&o.all, "all", false, "also the roots that other users, or you under another HOME, have in the stores of this machine")
	} else {
		cmd.Flags().BoolVar(&o.policies, "policies", false, "also as a policy of the browsers, which then call themselves managed; needs no certutil, but root")
	}
	return cmd
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
			return a.ui.verbatim("certs path", map[string]string{"root": path}, func(w io.Writer) { fmt.Fprintln(w, path) })
		},
	}
}
