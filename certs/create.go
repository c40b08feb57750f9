package certs

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"software.sslmate.com/src/go-pkcs12"

	"github.com/letta-dev/letta-dev/certs/host"
)

// Files that Create makes live as long as mkcert's: nobody renews them, and Apple's systems accept no more than 825 days.
const (
	fileYears  = 2
	fileMonths = 3
)

// CreateOptions say what certificate files are for and where they go. Paths are taken from the working directory, as
// mkcert does.
type CreateOptions struct {
	Dir       string // for files without a name of their own; empty means "."
	CertFile  string // empty means mkcert's name; Letta's certs/ folder wants "localhost.pem"
	KeyFile   string // empty means mkcert's name; Letta's wants "localhost-key.pem"; the CertFile itself gets both
	P12File   string // empty means mkcert's name; not empty means PKCS12
	PKCS12    bool   // one PKCS #12 file in the place of the two in PEM
	Client    bool   // the certificate is for clients too
	Overwrite bool   // replace files that exist

	OwnerOf func(path string) *host.Owner // whom a file shall belong to, such as [host.Env.OwnerOf]; nil means this process's user
}

// Created is what Create wrote. Files that were not asked for are empty.
type Created struct {
	CertFile string // leaf and intermediate in PEM, 0644
	KeyFile  string // PKCS #8 in PEM, 0600
	P12File  string // leaf, its chain and its key under the password "changeit", 0600
	Names    Names
	NotAfter time.Time
	Replaced []string // the files that were there before
}

// Create writes a leaf for names and its key to files that other programs read, under the names mkcert would give them:
// the first name with ":" as "_" and "*" as "_wildcard", "+N" for N more names, "-client" where that is asked for, then
// ".pem" and "-key.pem", or ".p12". No names mean localhost, 127.0.0.1 and ::1 under the name of the first. The leaf
// ends after two years and three months, or with the authority.
//
// Unlike mkcert it replaces no file that exists unless Overwrite is set; Replaced reports those files. All files are written or none.
// The errors are of type [*host.Error].
func (a *Authority) Create(names []string, opts CreateOptions) (Created, error) {
	if len(names) == 0 {
		return a.create([]string{"localhost", "127.0.0.1", "::1"}, opts.called("localhost"))
	}
	return a.create(names, opts.called(fileName(names)))
}

func (a *Authority) create(given []string, opts CreateOptions) (Created, error) {
	names, err := parseSubjects(given)
	if err != nil {
		return Created{}, err
	}
	template, err := a.fileTemplate(names, opts.Client)
	if err != nil {
		return Created{}, err
	}
	if opts.P12File != "" {
		template.Subject.CommonName = names[0] // the one thing that IIS shows of a certificate (mkcert#115)
	}
	leaf, err := a.issue(template)
	if err != nil {
		return Created{}, err
	}
	made := Created{CertFile: opts.CertFile, KeyFile: opts.KeyFile, P12File: opts.P12File, Names: names, NotAfter: leaf.Leaf.NotAfter}
	files, err := a.encode(leaf, opts)
	if err != nil {
		return Created{}, err
	}
	if err := a.reserved(files); err != nil {
		return Created{}, err
	}
	made.Replaced, err = writeAll(files, opts)
	return made, err
}

// fileTemplate is a leaf that nobody renews.
func (a *Authority) fileTemplate(names Names, client bool) (*x509.Certificate, error) {
	template, err := a.leafTemplate(names, a.now().AddDate(fileYears, fileMonths, 0))
	if err != nil || !client {
		return template, err
	}
	if !allows(a.issuer, x509.ExtKeyUsageClientAuth) || !allows(a.root, x509.ExtKeyUsageClientAuth) {
		return nil, &host.Error{Doing: "certify a client", Path: a.dir, Advice: a.RemakeCommand(),
			Err: errors.New("this authority was made to sign for servers alone")}
	}
	template.ExtKeyUsage = slices.Insert(template.ExtKeyUsage, 0, x509.ExtKeyUsageClientAuth)
	return template, nil
}

// allows tells whether an authority's extended key usage lets its leaves have one (RFC 5280 section 4.2.1.12, as every
// verifier reads it for authorities).
func allows(ca *x509.Certificate, usage x509.ExtKeyUsage) bool {
	return len(ca.ExtKeyUsage) == 0 || slices.Contains(ca.ExtKeyUsage, usage)
}

// encode returns the files of a leaf. One that holds the key is for its owner alone, the .p12 too: mkcert writes that
// for all to read, but its password is known to everybody.
func (a *Authority) encode(leaf *tls.Certificate, opts CreateOptions) ([]output, error) {
	if opts.P12File != "" {
		data, err := encodeP12(leaf, a.root)
		return []output{{opts.P12File, 0o600, data}}, err
	}
	key, err := encodeKey(leaf.PrivateKey)
	if err != nil {
		return nil, err
	}
	chain := encodeCertificates(leaf.Certificate...)
	if opts.CertFile == opts.KeyFile {
		return []output{{opts.CertFile, 0o600, append(chain, key...)}}, nil
	}
	return []output{{opts.KeyFile, 0o600, key}, {opts.CertFile, 0o644, chain}}, nil
}

// fileName is what mkcert calls the files of names, which it takes as they were typed. A slash, which it stumbles over,
// cannot be in one.
func fileName(names []string) string {
	base := strings.NewReplacer(":", "_", "*", "_wildcard", "/", "_", `\`, "_").Replace(names[0])
	if more := len(names) - 1; more > 0 {
		base += "+" + strconv.Itoa(more)
	}
	return base
}

// called fills in the paths of the files to be written, cleaned, and empties the others.
func (o CreateOptions) called(base string) CreateOptions {
	if o.Client {
		base += "-client"
	}
	or := func(path, ending string) string {
		if path == "" {
			return filepath.Join(o.Dir, base+ending)
		}
		return filepath.Clean(path)
	}
	if o.PKCS12 || o.P12File != "" {
		o.P12File, o.CertFile, o.KeyFile = or(o.P12File, ".p12"), "", ""
		return o
	}
	o.CertFile, o.KeyFile = or(o.CertFile, ".pem"), or(o.KeyFile, "-key.pem")
	return o
}

// encodeP12 packs a leaf with its key, its chain and the root, under the password that programs try by themselves,
// "changeit". The encryption is 3DES, the one kind that most programs read: OpenSSL 3 wants to be told -legacy for mkcert's
// RC2, and AES is for Java from 12 and Windows Server from 2019 on. It protects nothing, so the file is the owner's alone.
func encodeP12(leaf *tls.Certificate, root *x509.Certificate) ([]byte, error) {
	var chain []*x509.Certificate
	for _, der := range leaf.Certificate[1:] {
		certificate, err := x509.ParseCertificate(der)
		if err != nil {
			return nil, err
		}
		chain = append(chain, certificate)
	}
	return pkcs12.LegacyDES.Encode(leaf.PrivateKey, leaf.Leaf, append(chain, root), pkcs12.DefaultPassword)
}
