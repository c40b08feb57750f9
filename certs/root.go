package certs

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"slices"
	"strings"
)

// A Root is a certificate to be trusted and the file that holds it in PEM. The zero value stands for a root that is
// lost; removing it from a store removes those that bear this package's name.
type Root struct {
	Certificate *x509.Certificate
	Path        string
}

// Fingerprint returns the SHA-256 of the certificate in lower-case hex.
func (r Root) Fingerprint() string {
	sum := sha256.Sum256(r.Certificate.Raw)
	return hex.EncodeToString(sum[:])
}

// Name returns the name under which stores know the root, unique to it: the organisation in its subject and its serial
// number in decimal, as mkcert does.
func (r Root) Name() string {
	return strings.Join(slices.Concat(r.Certificate.Subject.Organization, []string{r.Certificate.SerialNumber.String()}), " ")
}

// fileName is the name as mkcert makes a file's of it, without an extension.
func (r Root) fileName() string { return strings.ReplaceAll(r.Name(), " ", "_") }
