package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/letta-dev/letta-dev/certs"
)

// createFlags are what `certs create` was told.
type createFlags struct {
	certs.CreateOptions
	letta string // folder of the Letta server, or its certs folder
	csr   string
	ecdsa bool // mkcert's word for what we always do
}

func newCertsCreate(a *app) *cobra.Command {
	var o createFlags
	cmd := &cobra.Command{
		Use:   "create [NAME]...",
		Short: "Write a certificate and its key for another program, under mkcert's file names",
		Long: `create writes a certificate for the given names, or for localhost, 127.0.0.1 and ::1, into the working folder, with the file
names, the life of two years and three months and the options of mkcert. The key is ECDSA P-256. Files that exist are replaced only
with --overwrite.`,
		Example: `  letta-dev certs create                          # localhost.pem, localhost-key.pem
  letta-dev certs create app.localhost 127.0.0.1  # app.localhost+1.pem, app.localhost+1-key.pem
  letta-dev certs create --client ada.localhost   # ada.localhost-client.pem, ada.localhost-client-key.pem
  letta-dev certs create --pkcs12 app.localhost   # app.localhost.p12 for Java, IIS, macOS; its password is "changeit"
  letta-dev certs create --letta ~/letta          # then there: LOCAL_HTTPS=true uv run letta server`,
		RunE: func(_ *cobra.Command, args []string) error { return a.createCertificate(args, o) },
	}
	f := cmd.Flags()
	f.StringVar(&o.CertFile, "cert-file", "", "where to write the certificate")
	f.StringVar(&o.KeyFile, "key-file", "", "where to write its key; the certificate's file can take both")
	f.StringVar(&o.P12File, "p12-file", "", "where to write the PKCS #12 file; means --pkcs12")
	f.BoolVar(&o.PKCS12, "pkcs12", false, "write one PKCS #12 file, as Java and IIS read it")
	f.BoolVar(&o.Client, "client", false, "a certificate for client authentication too")
	f.BoolVar(&o.ecdsa, "ecdsa", false, "an ECDSA key: all are, mkcert has to be told")
	f.StringVar(&o.csr, "csr", "", "sign this certificate signing request; its key stays where it is")
	f.StringVar(&o.letta, "letta", "", "write certs/localhost.pem and its key below this folder, for Letta's own LOCAL_HTTPS mode")
	f.BoolVar(&o.Overwrite, "overwrite", false, "replace files that exist")
	return cmd
}

// check refuses words that would be ignored.
func (o createFlags) check(args []string) error {
	pem := o.CertFile != "" || o.KeyFile != ""
	p12 := o.PKCS12 || o.P12File != ""
	const hint = "letta-dev certs create --help"
	switch {
	case p12 && pem:
		return usagef(hint, "--pkcs12 writes one file, --p12-file; --cert-file and --key-file are of the other format")
	case o.csr != "" && (p12 || o.KeyFile != ""):
		return usagef(hint, "the key of a --csr is not ours: only --cert-file is written")
	case o.csr != "" && len(args) > 0:
		return usagef(hint, "the names of a --csr are in it: %q is one too many", args[0])
	case o.letta != "" && (p12 || pem || o.csr != ""):
		return usagef(hint, "--letta has file names of its own: leave --cert-file, --key-file, --pkcs12 and --csr away")
	}
	return nil
}

func (a *app) createCertificate(args []string, o createFlags) error {
	if err := o.check(args); err != nil {
		return err
	}
	files, err := a.paths("letta-dev")
	if err != nil {
		return err
	}
	authority, env, fresh, err := a.authority(files)
	if err != nil {
		return err
	}
	o.Dir, o.OwnerOf = a.dir, env.OwnerOf
	if o.letta != "" {
		args = append([]string{"localhost", "127.0.0.1", "::1"}, args...)
		if err := o.forLetta(a.within(o.letta)); err != nil {
			return err
		}
	}
	o.CertFile, o.KeyFile, o.P12File = a.within(o.CertFile), a.within(o.KeyFile), a.within(o.P12File)
	made, err := o.create(authority, args, a.within(o.csr))
	if err != nil {
		return err
	}
	return a.tellCreated(newCreatedFiles(made), fresh)
}

func (o createFlags) create(authority *certs.Authority, args []string, csr string) (certs.Created, error) {
	if csr != "" {
		return authority.CreateFromRequest(csr, o.CreateOptions)
	}
	return authority.Create(args, o.CreateOptions)
}

// forLetta names the files that LOCAL_HTTPS=true reads: certs/localhost.pem and its key in the folder the server is started in, which
// is the folder itself or the one above it.
func (o *createFlags) forLetta(dir string) error {
	if filepath.Base(dir) != "certs" {
		if info, err := os.Stat(dir); err != nil || !info.IsDir() {
			return &noLettaError{dir}
		}
		dir = filepath.Join(dir, "certs")
	}
	if err := os.Mkdir(dir, 0o755); err != nil && !errors.Is(err, os.ErrExist) {
		return fmt.Errorf("making Letta's folder for certificates: %w", err)
	} else if owner := o.OwnerOf(dir); err == nil && owner != nil {
		if err := os.Lchown(dir, owner.UID, owner.GID); err != nil {
			return err
		}
	}
	o.CertFile, o.KeyFile = filepath.Join(dir, "localhost.pem"), filepath.Join(dir, "localhost-key.pem")
	return nil
}

// noLettaError says that --letta names no folder.
type noLettaError struct{ dir string }

func (e *noLettaError) Error() string {
	return fmt.Sprintf("--letta %q is no folder: it takes the one in which `letta server` is started", e.dir)
}

// Hint shows the way to one.
func (e *noLettaError) Hint() string { return "letta-dev certs create --letta ." }

// within is a path as seen from the working folder; empty stays empty.
func (a *app) within(path string) string {
	if path == "" || filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(a.dir, path)
}
