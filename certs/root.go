package certs

import (
	"bytes"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"slices"
	"strings"

	"github.com/letta-dev/letta-dev/certs/host"
)

// A Root is a certificate to be trusted and the file that holds it in PEM. The zero value stands for a root that is
// lost; removing it from a store removes those that bear this package's name. That of a [Claim] removes fewer.
type Root struct {
	Certificate *x509.Certificate
	Path        string

	claim *Claim // nil claims all
}

// Fingerprint returns the SHA-256 of the certificate in lower-case hex.
func (r Root) Fingerprint() string {
	sum := sha256.Sum256(r.Certificate.Raw)
	return hex.EncodeToString(sum[:])
}

// borrowed begins the names of roots that are not of this package, mkcert's, where it has put them into a store. mkcert
// would know them there by the rest; what bears this is ours to remove, and what does not is mkcert's.
const borrowed = "letta-dev, "

// Name returns the name under which stores know the root, unique to it: the organisation in its subject and its serial
// number in decimal, as mkcert does, with ours before it if the root is mkcert's.
func (r Root) Name() string {
	name := strings.Join(slices.Concat(r.Certificate.Subject.Organization, []string{r.Certificate.SerialNumber.String()}), " ")
	if !ours(r.Certificate) {
		name = borrowed + name
	}
	return name
}

// reading has a command read the root: these very bytes, whatever has become of the file meanwhile.
func reading(r Root, c host.Command) host.Command {
	c.Stdin, c.Input = r.Path, string(encodeCertificates(r.Certificate.Raw))
	return c
}

// fileName is the name as mkcert makes a file's of it, without an extension.
func (r Root) fileName() string { return asFileName(r.Name()) }

func asFileName(name string) string { return strings.ReplaceAll(name, " ", "_") }

// is tells whether a certificate is this root.
func (r Root) is(c *x509.Certificate) bool { return c != nil && r.isIn(c.Raw) }

func (r Root) isIn(der []byte) bool {
	return r.Certificate != nil && bytes.Equal(r.Certificate.Raw, der)
}

// sorted divides the certificates in PEM that are of this package into root and others.
func (r Root) sorted(data []byte) (present bool, others []*x509.Certificate) {
	for block, rest := pem.Decode(data); block != nil; block, rest = pem.Decode(rest) {
		if r.isIn(block.Bytes) {
			present = true
		} else if c := rootOfOurs(block.Bytes); c != nil {
			others = append(others, c)
		}
	}
	return present, others
}

// supersedes tells whether a block is a root of this package other than this one.
func (r Root) supersedes(block *pem.Block) bool {
	return !r.isIn(block.Bytes) && rootOfOurs(block.Bytes) != nil
}

// rootOfOurs returns the certificate that data begins with if it is a root of this package, and nil otherwise. Most of a
// bundle is passed over unparsed.
func rootOfOurs(data []byte) *x509.Certificate {
	if !bytes.Contains(data, []byte(organisation)) {
		return nil
	}
	der, _, _ := splitCertificate(data)
	if c, err := x509.ParseCertificate(der); err == nil && ours(c) {
		return c
	}
	return nil
}

// ours tells by its subject whether a certificate is a root of this package.
func ours(c *x509.Certificate) bool {
	return c.IsCA && slices.Contains(c.Subject.Organization, organisation)
}
