package certs

import (
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// CreateOptions say where certificate files go. Paths are taken from the working directory, as mkcert does.
type CreateOptions struct {
	Dir       string // for files without a name of their own; empty means "."
	CertFile  string // empty means mkcert's name; Letta's certs/ folder wants "localhost.pem"
	KeyFile   string // empty means mkcert's name; Letta's wants "localhost-key.pem"; the CertFile itself gets both
	Overwrite bool   // also files that are no development certificate
	Owner     *Owner // whom the files shall belong to; nil means this process's user
}

// Created is what Create wrote.
type Created struct {
	CertFile string // leaf and intermediate in PEM, 0644
	KeyFile  string // PKCS #8 in PEM, 0600
	Names    Names
	NotAfter time.Time
	Replaced []string // the files that were there before
}

// Create writes a leaf for names and its key to files that other servers read, under the names mkcert would give them:
// the first name with ":" as "_" and "*" as "_wildcard", "+N" for N more names, then ".pem" and "-key.pem". Like mkcert
// it replaces development certificates, its own and mkcert's, and reports them; a file that is anything else is left
// alone unless Overwrite says otherwise, and the error is an [*Error].
func (a *Authority) Create(names Names, opts CreateOptions) (Created, error) {
	leaf, err := a.Issue(names)
	if err != nil {
		return Created{}, err
	}
	key, err := encodeKey(leaf.PrivateKey)
	if err != nil {
		return Created{}, err
	}
	made := Created{Names: names, NotAfter: leaf.Leaf.NotAfter}
	made.CertFile, made.KeyFile = opts.paths(names)
	if made.Replaced, err = replaceable(made.CertFile, made.KeyFile, opts.Overwrite); err != nil {
		return Created{}, err
	}
	chain := encodeCertificates(leaf.Certificate...)
	files := []file{{name: made.KeyFile, mode: 0o600, data: key}, {name: made.CertFile, mode: 0o644, data: chain}}
	if made.CertFile == made.KeyFile {
		files = []file{{name: made.CertFile, mode: 0o600, data: append(chain, key...)}}
	}
	for _, f := range files {
		path := f.name
		f.name = filepath.Base(path)
		if err := f.replace(filepath.Dir(path), opts.Owner); err != nil {
			return Created{}, &Error{Doing: "write the certificate", Path: path, Err: err}
		}
	}
	return made, nil
}

// paths returns the cleaned paths of certificate and key.
func (o CreateOptions) paths(names Names) (cert, key string) {
	base := strings.NewReplacer(":", "_", "*", "_wildcard").Replace(names[0])
	if more := len(names) - 1; more > 0 {
		base += fmt.Sprintf("+%d", more)
	}
	cert, key = filepath.Join(o.Dir, base+".pem"), filepath.Join(o.Dir, base+"-key.pem")
	if o.CertFile != "" {
		cert = filepath.Clean(o.CertFile)
	}
	if o.KeyFile != "" {
		key = filepath.Clean(o.KeyFile)
	}
	return cert, key
}

// replaceable returns which of the two files exist, and an error if one of them is not for Create to replace. A key says
// nothing of its origin, so it goes with the certificate next to it.
func replaceable(cert, key string, overwrite bool) (existing []string, err error) {
	for _, path := range slices.Compact([]string{cert, key}) {
		if _, err := os.Lstat(path); err == nil {
			existing = append(existing, path)
		} else if !errors.Is(err, fs.ErrNotExist) {
			return nil, &Error{Doing: "write the certificate", Path: path, Err: err}
		}
	}
	if len(existing) == 0 || overwrite || isDevelopmentCertificate(cert) {
		return existing, nil
	}
	return nil, &Error{
		Doing:  "write the certificate",
		Path:   existing[0],
		Err:    errors.New("the file exists and is not a development certificate's"),
		Advice: fmt.Sprintf("mv %s %s", quote(existing[0]), quote(existing[0]+".bak")),
	}
}

// isDevelopmentCertificate recognises leaves of ours and of mkcert by their issuer.
func isDevelopmentCertificate(path string) bool {
	data, err := os.ReadFile(path)
	if err != nil {
		return false
	}
	block, _ := pem.Decode(data)
	if block == nil || block.Type != "CERTIFICATE" {
		return false
	}
	c, err := x509.ParseCertificate(block.Bytes)
	return err == nil && slices.ContainsFunc(c.Issuer.Organization, func(o string) bool {
		return o == organisation || o == "mkcert development CA"
	})
}
