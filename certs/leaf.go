package certs

import (
	"crypto"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/letta-dev/letta-dev/certs/host"
)

// Issue signs a new leaf with a key of its own for a TLS server known by names: 90 days, or to the authority's own end
// if that comes first. The chain is complete but for the root. The error is an [*host.Error] if the authority may not sign
// for one of the names or is not in force.
func (a *Authority) Issue(names Names) (*tls.Certificate, error) {
	template, err := a.leafTemplate(names, a.now().Add(leafLife))
	if err != nil {
		return nil, err
	}
	return a.issue(template)
}

// leafTemplate is a leaf to be signed, for names and until a time, or until the authority's own end if that comes first.
func (a *Authority) leafTemplate(names Names, until time.Time) (*x509.Certificate, error) {
	if err := errors.Join(a.Check(names), a.inForce()); err != nil {
		return nil, err
	}
	return &x509.Certificate{
		Subject:        pkix.Name{Organization: []string{leafOrganisation}},
		DNSNames:       names.DNS(),
		IPAddresses:    names.IPs(),
		EmailAddresses: names.of(email),
		URIs:           names.uris(),
		NotBefore:      later(a.now().Add(-backdate), a.notBefore()),
		NotAfter:       earlier(until, a.NotAfter()),
		KeyUsage:       x509.KeyUsageDigitalSignature,
		ExtKeyUsage:    names.usages(),
	}, nil
}

// issue makes a key and signs a leaf for it.
func (a *Authority) issue(template *x509.Certificate) (*tls.Certificate, error) {
	key, err := newKey()
	if err != nil {
		return nil, err
	}
	leaf, err := a.issueFor(key.Public(), template)
	if err != nil {
		return nil, err
	}
	leaf.PrivateKey = key
	return leaf, nil
}

// issueFor signs a leaf for somebody's key. It is the one place where leaves are signed.
func (a *Authority) issueFor(public crypto.PublicKey, template *x509.Certificate) (*tls.Certificate, error) {
	certificate, err := signFor(public, template, a.issuer, a.key)
	if err != nil {
		return nil, &host.Error{Doing: "sign a leaf", Err: err}
	}
	return &tls.Certificate{Certificate: a.chain(certificate), Leaf: certificate}, nil
}

// chain is what a server sends: all but the root.
func (a *Authority) chain(leaf *x509.Certificate) [][]byte {
	if a.issuer == a.root {
		return [][]byte{leaf.Raw}
	}
	return [][]byte{leaf.Raw, a.issuer.Raw}
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

// leafPath is the file of the leaf for names. Leaves for other than the default names have files of their own, so that
// servers with hosts of their own, side by side on one authority, do not take each other's.
func (a *Authority) leafPath(names Names) string {
	base, standard := "dns", Names(DefaultNames().DNS())
	if len(names.IPs()) > 0 {
		base, standard = "all", DefaultNames().hostsFirst()
	}
	if !names.equal(standard) {
		sum := sha256.Sum256([]byte(strings.Join(names, " ")))
		base = fmt.Sprintf("%s-%s", base, hex.EncodeToString(sum[:4]))
	}
	return filepath.Join(a.dir, leavesFolder, base+".pem")
}

// keep writes a leaf's chain and key into one file, so that one rename replaces both.
func (a *Authority) keep(leaf *tls.Certificate, names Names) error {
	path := a.leafPath(names)
	key, err := encodeKey(leaf.PrivateKey)
	if err != nil {
		return err
	}
	return a.owner.As(func() error { return a.put(path, leaf, key) })
}

func (a *Authority) put(path string, leaf *tls.Certificate, key []byte) error {
	dir := filepath.Dir(path)
	f := host.File{Name: filepath.Base(path), Mode: 0o600, Data: append(encodeCertificates(leaf.Certificate...), key...), Cheap: true}
	err := host.MakeDir(dir, 0o700, a.owner)
	if err == nil {
		host.SweepStaged(dir, a.now().Add(-host.StagingLimit))
		err = f.Replace(dir, a.owner)
	}
	if err != nil {
		return &host.Error{Doing: "keep the leaf", Path: path, Err: err}
	}
	return nil
}

// readLeaf returns the certificate in a leaf's file, whatever its key is worth.
func readLeaf(path string) (*x509.Certificate, error) {
	data, err := readFile(path)
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(data)
	if block == nil {
		return nil, errors.New("there is no PEM in it")
	}
	return x509.ParseCertificate(block.Bytes)
}

// carried returns the names that a leaf of a Keeper has, in the order of hostsFirst.
func carried(leaf *x509.Certificate) Names {
	return slices.Concat(leaf.DNSNames, addresses(leaf.IPAddresses))
}
