package main

import (
	"fmt"
	"io"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/letta-dev/letta-dev/certs"
)

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
