package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/letta-dev/letta-dev/certs"
	"github.com/letta-dev/letta-dev/certs/host"
	"github.com/letta-dev/letta-dev/certs/truststore"
)

func newCertsInit(a *app) *cobra.Command {
	var domains []string
	var mkcert bool
	cmd := &cobra.Command{
		Use:   "init",
		Short: "Make the authority, and say what it may sign for",
		Long: `init makes the certificate authority, as ` + "`up`" + ` and ` + "`certs install`" + ` do where there is none. It is for localhost, the names under
it and this machine's loopback addresses.

--allow-domain lets it sign for another domain too, and the names under that. The price: whoever steals the authority's key can
impersonate that domain to you. It has to be decided now: an authority cannot be changed, only made and trusted anew.

--mkcert takes the CA that mkcert has made for you instead. It may sign for every site there is, and so may who steals its key.`,
		Example: `  letta-dev certs init
  letta-dev certs init --allow-domain dev.example.test
  letta-dev certs init --mkcert`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.initAuthority(cmd.Context(), domains, mkcert) },
	}
	cmd.Flags().StringArrayVar(&domains, "allow-domain", nil, "also sign for this domain and the names under it (repeatable)")
	cmd.Flags().BoolVar(&mkcert, "mkcert", false, "use the CA that mkcert has made, which may sign for every site")
	return cmd
}

// authorityFacts are the answer of `certs init`.
type authorityFacts struct {
	Dir         string    `json:"dir"`
	Root        string    `json:"root"`
	Fingerprint string    `json:"fingerprint"`
	NotAfter    time.Time `json:"notAfter"`
	Domains     []string  `json:"domains"` // beside localhost
	Mkcert      bool      `json:"mkcert"`
	Created     bool      `json:"created"`
}

func (a *app) initAuthority(ctx context.Context, domains []string, mkcert bool) error {
	if mkcert && len(domains) > 0 {
		return usagef("letta-dev certs init --help", "--mkcert and --allow-domain exclude each other: mkcert's CA may sign for every domain")
	}
	files, err := a.paths("letta-dev")
	if err != nil {
		return err
	}
	env, options, err := a.authorityOptions(files)
	if err != nil {
		return err
	}
	options.Domains = domains
	if mkcert {
		if options.CAROOT, _, err = certs.FindMkcert(env, a.env.get); err != nil {
			return err
		}
	}
	authority, created, err := openAuthority(files, options)
	if err != nil {
		return err
	}
	a.tellPrice(authority)
	if created && !mkcert {
		a.offerMkcert(ctx, env)
	}
	if a.installable(ctx, env, authority) {
		a.ui.note("to have it trusted here: letta-dev certs install")
	}
	root := authority.Root()
	facts := authorityFacts{Dir: authority.Dir(), Root: root.Path, Fingerprint: root.Fingerprint(), NotAfter: authority.NotAfter(),
		Domains: append([]string{}, authority.Domains()...), Mkcert: authority.Mkcert(), Created: created}
	return a.ui.answer("certs init", facts, facts.print)
}

func (f authorityFacts) print(w io.Writer) {
	made, scope := "there already", "localhost and names under it, loopback addresses"
	if f.Created {
		made = "made now"
	}
	for _, domain := range f.Domains {
		scope += ", " + domain + " and names under it"
	}
	if f.Mkcert {
		scope = "everything (mkcert's CA)"
	}
	fmt.Fprintf(w, "%s, %s, until %s\nSHA-256 %s\nsigns for %s\n", f.Root, made, day(f.NotAfter), f.Fingerprint, scope)
}

// installable tells whether `certs install` has something to do.
func (a *app) installable(ctx context.Context, env host.Env, authority *certs.Authority) bool {
	families, err := a.families(truststore.ToInstall, false)
	t := newTrustStatus(authority)
	for _, s := range storesOf(ctx, env, families, false) {
		t.look(ctx, s, authority.Root())
	}
	return err != nil || t.installable()
}

// tellPrice says what an authority costs that may sign for more than this machine.
func (a *app) tellPrice(authority *certs.Authority) {
	if authority.Mkcert() {
		a.ui.warn("mkcert's CA has no constraints: who steals %s can impersonate every site to you", authority.KeyPath())
	}
	if domains := authority.Domains(); len(domains) > 0 {
		a.ui.warn("who steals %s can impersonate %s, and every name under it, to you; "+
			"to change that later takes a new authority that has to be trusted anew", authority.KeyPath(), strings.Join(domains, ", "))
	}
}

// offerMkcert says that mkcert's CA could be used, where it is trusted already.
func (a *app) offerMkcert(ctx context.Context, env host.Env) {
	if _, by := a.trustedMkcert(ctx, env); by != "" {
		a.ui.note("mkcert's CA is trusted already by %s; to use that instead: %s", by, certs.UseMkcert)
	}
}

// trustedMkcert returns the path of mkcert's root and the stores that trust it; nothing where it could not be used, or none does.
func (a *app) trustedMkcert(ctx context.Context, env host.Env) (path, by string) {
	_, root, err := certs.FindMkcert(env, a.env.get)
	if err != nil {
		return "", ""
	}
	var results []truststore.Result
	for _, s := range truststore.Stores(env) {
		if status, err := s.Status(ctx, root); err == nil {
			results = append(results, truststore.Result{Store: s.Name(), After: status.State})
		}
	}
	if by = trustedBy(results); by == "" {
		return "", ""
	}
	return root.Path, by
}
