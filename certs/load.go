package certs

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// Load returns the authority in dir, and makes nothing. The error wraps [fs.ErrNotExist] if dir is absent or empty, and
// else is an [*Error] that says what is wrong with which file, and what to type.
func Load(dir string, opts Options) (*Authority, error) {
	opts = opts.withDefaults()
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	if empty, err := isEmpty(dir); err != nil || empty {
		if err == nil {
			err = fs.ErrNotExist
		}
		return nil, &Error{Doing: "read the authority", Path: dir, Err: err, Advice: "letta-dev certs install"}
	}
	root, err := loadCertificate(filepath.Join(dir, rootFile))
	if err != nil {
		return nil, err
	}
	issuer, err := loadCertificate(filepath.Join(dir, intermediateFile))
	if err != nil {
		return nil, err
	}
	key, err := loadKey(filepath.Join(dir, intermediateKeyFile), issuer)
	if err != nil {
		return nil, err
	}
	a := &Authority{dir: dir, owner: opts.Owner, now: opts.Now, root: root, issuer: issuer, key: key}
	if err := a.check(); err != nil {
		return nil, err
	}
	return a, nil
}

// check tells whether the two certificates belong together, bind the key to this machine, and are in force.
func (a *Authority) check() error {
	for name, certificate := range map[string]*x509.Certificate{rootFile: a.root, intermediateFile: a.issuer} {
		if err := checkConstraints(certificate); err != nil {
			return unusable(filepath.Join(a.dir, name), err)
		}
	}
	if err := a.issuer.CheckSignatureFrom(a.root); err != nil {
		return unusable(filepath.Join(a.dir, intermediateFile), fmt.Errorf("not signed by the root next to it: %w", err))
	}
	return a.inForce()
}

// inForce tells whether what the authority signs now can be accepted by anyone.
func (a *Authority) inForce() error {
	now := a.now()
	switch {
	case now.After(a.NotAfter()):
		return unusable(a.dir, fmt.Errorf("the authority ended on %s", a.NotAfter().Format(time.DateOnly)))
	case now.Before(a.notBefore()):
		return &Error{Doing: "use the authority", Path: a.dir,
			Err:    fmt.Errorf("it begins at %s, but the clock says %s", a.notBefore().Format(time.DateTime), now.UTC().Format(time.DateTime)),
			Advice: "date"}
	}
	return nil
}

// checkConstraints requires what makes a stolen key harmless.
func checkConstraints(c *x509.Certificate) error {
	sameRange := func(a, b *net.IPNet) bool { return a.String() == b.String() }
	if !c.IsCA || !c.PermittedDNSDomainsCritical ||
		!slices.Equal(c.PermittedDNSDomains, permittedDomains()) ||
		!slices.EqualFunc(c.PermittedIPRanges, permittedRanges(), sameRange) {
		return errors.New("its name constraints are missing: it could sign for any site")
	}
	return nil
}

func loadCertificate(path string) (*x509.Certificate, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, incomplete(path, err)
	}
	block, rest := pem.Decode(data)
	if block == nil || block.Type != "CERTIFICATE" || len(bytes.TrimSpace(rest)) > 0 {
		return nil, unusable(path, errors.New("it is not one certificate in PEM"))
	}
	certificate, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return nil, unusable(path, err)
	}
	return certificate, nil
}

func loadKey(path string, certificate *x509.Certificate) (crypto.Signer, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, incomplete(path, err)
	}
	if err := checkPrivate(path, info); err != nil {
		return nil, err
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, incomplete(path, err)
	}
	key, err := decodeKey(data)
	if err != nil {
		return nil, unusable(path, err)
	}
	if !key.PublicKey.Equal(certificate.PublicKey) {
		return nil, unusable(path, errors.New("it is not the key of the certificate next to it"))
	}
	return key, nil
}

func decodeKey(data []byte) (*ecdsa.PrivateKey, error) {
	block, _ := pem.Decode(data)
	if block == nil || block.Type != "PRIVATE KEY" {
		return nil, errors.New("it is not a private key in PEM (PKCS #8)")
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, err
	}
	key, ok := parsed.(*ecdsa.PrivateKey)
	if !ok {
		return nil, fmt.Errorf("it is a %T, not an ECDSA key", parsed)
	}
	return key, nil
}

func unusable(path string, err error) error {
	return &Error{Doing: "use the authority", Path: path, Err: err, Advice: remake}
}

// incomplete hides that a file is absent from callers who would take that for an absent authority.
func incomplete(path string, err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return unusable(path, errors.New("the file is missing"))
	}
	return &Error{Doing: "read the authority", Path: path, Err: err}
}
