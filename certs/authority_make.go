package certs

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/letta-dev/letta-dev/certs/host"
)

// Organisation is the organisation in the subjects of the authority's certificates, by which stores and people recognise
// them.
const Organisation = "letta-dev development CA"

const (
	leafOrganisation = "letta-dev development certificate"

	localhost = "localhost" // the domain that every authority permits

	authorityYears = 10 // its key being gone, the root cannot sign a second intermediate: both last as long
	leafLife       = 90 * 24 * time.Hour
	backdate       = time.Hour // for clients whose clock is behind, such as a virtual machine's after a pause
)

// create makes the two certificates and their folder. The root's key ends with this call.
func create(dir string, opts Options) (*Authority, error) {
	now := opts.Now()
	domains, err := permitted(opts.Domains)
	if err != nil {
		return nil, err
	}
	id := identity(opts.Holder, now)
	template := caTemplate("root", id, now, domains)
	template.Subject.OrganizationalUnit = []string{folderMark(dir)}
	root, rootKey, err := sign(template, nil, nil)
	if err != nil {
		return nil, err
	}
	template = caTemplate("intermediate", id, now, domains)
	template.MaxPathLenZero = true
	issuer, key, err := sign(template, root, rootKey)
	if err != nil {
		return nil, err
	}
	encodedKey, err := encodeKey(key)
	if err != nil {
		return nil, err
	}
	files := []host.File{
		{Name: rootFile, Mode: 0o644, Data: encodeCertificates(root.Raw)},
		{Name: intermediateFile, Mode: 0o644, Data: encodeCertificates(issuer.Raw)},
		{Name: intermediateKeyFile, Mode: 0o600, Data: encodedKey},
	}
	if err := makeFolder(dir, files, opts); err != nil {
		return nil, err
	}
	return &Authority{dir: filepath.Clean(dir), owner: opts.Owner, now: opts.Now, root: root, issuer: issuer, key: key}, nil
}

// identity tells authorities apart. It goes into the subject because NSS and others find issuers by subject alone: two
// roots of one name and different keys would shadow each other.
func identity(holder string, now time.Time) string {
	return strings.TrimSpace(fmt.Sprintf("%s %s %s", holder, now.UTC().Format("2006-01-02"), rand.Text()[:8]))
}

// caTemplate is for TLS servers and clients: what a certificate may be used for, its issuers must be too.
func caTemplate(kind, id string, now time.Time, domains []string) *x509.Certificate {
	return &x509.Certificate{
		Subject: pkix.Name{
			Organization: []string{Organisation},
			CommonName:   "letta-dev " + kind + " " + id,
		},
		NotBefore:                   now.Add(-backdate),
		NotAfter:                    now.AddDate(authorityYears, 0, 0),
		IsCA:                        true,
		BasicConstraintsValid:       true,
		KeyUsage:                    x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
		ExtKeyUsage:                 []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
		PermittedDNSDomainsCritical: true,
		PermittedDNSDomains:         domains,
		PermittedIPRanges:           permittedRanges(),
	}
}

// sign makes a P-256 key and its certificate, signed by parent, or by itself where parent is nil.
func sign(template, parent *x509.Certificate, parentKey crypto.Signer) (*x509.Certificate, crypto.Signer, error) {
	key, err := newKey()
	if err != nil {
		return nil, nil, err
	}
	if parent == nil {
		parent, parentKey = template, key
	}
	certificate, err := signFor(key.Public(), template, parent, parentKey)
	return certificate, key, err
}

func newKey() (crypto.Signer, error) { return ecdsa.GenerateKey(elliptic.P256(), rand.Reader) }

// signFor makes the certificate of a key. The serial number is random, by crypto/x509.
func signFor(public crypto.PublicKey, template, parent *x509.Certificate, parentKey crypto.Signer) (*x509.Certificate, error) {
	der, err := x509.CreateCertificate(rand.Reader, template, parent, public, parentKey)
	if err != nil {
		return nil, err
	}
	return x509.ParseCertificate(der)
}
