package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
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
	cmd.AddCommand(newCertsInstall(a), newCertsUninstall(a), newCertsStatus(a), newCertsPath(a), newCertsCreate(a))
	return cmd
}

func newCertsInstall(a *app) *cobra.Command {
	var dryRun bool
	cmd := &cobra.Command{
		Use:   "install",
		Short: "Have our authority trusted by the system's store and the browsers'",
		Long: `install adds our root certificate to the system's store and the NSS databases of Chromium and Firefox, and tries each with
a handshake. The root can sign for localhost and this machine's loopback addresses only, and its key was thrown away.`,
		Example: "  letta-dev certs install\n  letta-dev certs install --dry-run     # the commands it would run",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.changeTrust(cmd.Context(), certs.ToInstall, dryRun)
		},
	}
	cmd.Flags().BoolVar(&dryRun, "dry-run", false, "print the commands and run none")
	return cmd
}

func newCertsUninstall(a *app) *cobra.Command {
	var dryRun bool
	cmd := &cobra.Command{
		Use:     "uninstall",
		Short:   "Take our authority out of all stores and delete its keys",
		Example: "  letta-dev certs uninstall\n  letta-dev certs uninstall --dry-run",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.changeTrust(cmd.Context(), certs.ToUninstall, dryRun)
		},
	}
	cmd.Flags().BoolVar(&dryRun, "dry-run", false, "print the commands and run none")
	return cmd
}

// changeTrust installs or uninstalls. It fails when a store did not take the change, after all have been tried.
func (a *app) changeTrust(ctx context.Context, action certs.Action, dryRun bool) error {
	files, err := a.paths("letta-dev")
	if err != nil {
		return err
	}
	authority, env, err := a.authorityFor(action, files)
	if err != nil {
		return err
	}
	env.Elevate = true
	stores := certs.Stores(env)
	if dryRun {
		return a.printCommands(ctx, action, authority, stores)
	}
	var results []certs.Result
	if action == certs.ToInstall {
		results = a.trust(ctx, authority, stores, env)
	} else {
		results = certs.Untrust(ctx, authority, stores, nil)
	}
	failed := a.tellResults(action, results)
	if failed == nil && action == certs.ToUninstall { // also a folder too broken to load
		if err := certs.Remove(files.Certs); err != nil {
			return err
		}
		a.ui.note("no keys of ours are left in %s", files.Certs)
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if failed != nil {
		return &trustError{string(action), failed}
	}
	return a.ui.answer("certs "+string(action), storeStates(results), func(io.Writer) {})
}

// authorityFor is the authority to install, made where there is none, or the one to uninstall, which may be gone or broken: what the
// stores hold of ours is found by what it is.
func (a *app) authorityFor(action certs.Action, files paths) (*certs.Authority, certs.Env, error) {
	if action == certs.ToInstall {
		authority, env, _, err := a.authority(files)
		return authority, env, err
	}
	env, err := certs.HostEnv()
	if err != nil {
		return nil, env, err
	}
	authority, err := certs.Load(files.Certs, certs.Options{Holder: env.Holder})
	if err != nil {
		return nil, env, nil
	}
	return authority, env, nil
}

func (a *app) tellResults(action certs.Action, results []certs.Result) (failed error) {
	for _, r := range results {
		row := a.ui.begin(r.Store, "")
		switch {
		case r.Err != nil:
			failed = errors.Join(failed, r.Err)
			row.fail("%s: %v", r.Where, r.Err)
		case action == certs.ToUninstall && len(r.Commands) == 0:
			row.done("%s: nothing of ours in it", r.Where)
		case action == certs.ToUninstall:
			row.done("%s: removed, known by %s", r.Where, r.Known)
		case r.Before == certs.Trusted:
			row.done("%s: trusted already, known by %s", r.Where, r.Known)
		default:
			row.done("%s: installed, known by %s", r.Where, r.Known)
		}
	}
	return failed
}

// trustError says that not every store is as wanted. The machine is not ready then, so its exit code is 3.
type trustError struct {
	action string
	err    error
}

func (e *trustError) Error() string { return fmt.Sprintf("certs %s: %v", e.action, e.err) }
func (e *trustError) Unwrap() error { return e.err }

// Hint is that of the first store that failed.
func (e *trustError) Hint() string {
	var h hinter
	if errors.As(e.err, &h) {
		return h.Hint()
	}
	return "letta-dev certs status"
}

// printCommands is the dry run: the exact commands, a line each.
func (a *app) printCommands(ctx context.Context, action certs.Action, authority *certs.Authority, stores []certs.Store) error {
	type line struct {
		Store    string   `json:"store"`
		Commands []string `json:"commands"`
		Error    string   `json:"error,omitempty"`
	}
	var root certs.Root
	if authority != nil {
		root = authority.Root()
	}
	lines := []line{}
	for _, s := range stores {
		l := line{Store: s.Name(), Commands: []string{}}
		commands, err := s.Commands(ctx, action, root)
		if err != nil {
			l.Error = err.Error()
		}
		for _, c := range commands {
			l.Commands = append(l.Commands, c.String())
		}
		lines = append(lines, l)
	}
	return a.ui.answer("certs "+string(action), lines, func(w io.Writer) {
		for _, l := range lines {
			for _, c := range l.Commands {
				fmt.Fprintln(w, c)
			}
			if l.Error != "" {
				fmt.Fprintf(w, "# %s: %s\n", l.Store, l.Error)
			}
		}
	})
}

func storeStates(results []certs.Result) []storeState {
	t := trustStatus{Stores: []storeState{}}
	for _, r := range results {
		t.add(r)
	}
	return t.Stores
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
			env, err := certs.HostEnv()
			if err != nil {
				return err
			}
			authority, err := certs.Load(files.Certs, certs.Options{Holder: env.Holder})
			if err != nil {
				return fmt.Errorf("reading the certificate authority: %w", err)
			}
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

func newCertsCreate(a *app) *cobra.Command {
	var o certs.CreateOptions
	var letta string
	cmd := &cobra.Command{
		Use:   "create [NAME]...",
		Short: "Write a certificate and its key for another server, under mkcert's file names",
		Long: `create writes a certificate for the given names, or for localhost, 127.0.0.1 and ::1, into the working folder: named as mkcert
names them, or localhost.pem and localhost-key.pem where no name is given, as Letta's own certs/ folder wants them.`,
		Example: `  letta-dev certs create                          # localhost.pem, localhost-key.pem
  letta-dev certs create app.localhost            # app.localhost.pem, app.localhost-key.pem
  letta-dev certs create --letta ~/letta/certs    # for LOCAL_HTTPS=true uv run letta server`,
		RunE: func(_ *cobra.Command, args []string) error { return a.createCertificate(args, letta, o) },
	}
	f := cmd.Flags()
	f.StringVar(&o.CertFile, "cert-file", "", "where to write the certificate")
	f.StringVar(&o.KeyFile, "key-file", "", "where to write its key")
	f.StringVar(&letta, "letta", "", "write localhost.pem and localhost-key.pem into this folder")
	f.BoolVar(&o.Overwrite, "overwrite", false, "replace files that are no development certificate")
	return cmd
}

func (a *app) createCertificate(args []string, letta string, o certs.CreateOptions) error {
	files, err := a.paths("letta-dev")
	if err != nil {
		return err
	}
	authority, env, _, err := a.authority(files)
	if err != nil {
		return err
	}
	o.Dir = a.dir
	if letta != "" {
		o.Dir = a.within(letta)
	}
	if len(args) == 0 || letta != "" {
		args = append([]string{"localhost", "127.0.0.1", "::1"}, args...)
		if o.CertFile == "" {
			o.CertFile = filepath.Join(o.Dir, "localhost.pem")
		}
		if o.KeyFile == "" {
			o.KeyFile = filepath.Join(o.Dir, "localhost-key.pem")
		}
	}
	o.CertFile, o.KeyFile, o.Owner = a.within(o.CertFile), a.within(o.KeyFile), env.OwnerOf(o.Dir)
	names, err := certs.ParseNames(args...)
	if err != nil {
		return err
	}
	made, err := authority.Create(names, o)
	if err != nil {
		return err
	}
	return a.ui.answer("certs create", made, func(w io.Writer) {
		fmt.Fprintf(w, "%s\n%s\n", made.CertFile, made.KeyFile)
		for _, old := range made.Replaced {
			a.ui.note("%s was a development certificate and has been replaced", old)
		}
		a.ui.note("for %s, until %s", made.Names, made.NotAfter.Local().Format("2006-01-02"))
	})
}

// within is a path as seen from the working folder; empty stays empty.
func (a *app) within(path string) string {
	if path == "" || filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(a.dir, path)
}
