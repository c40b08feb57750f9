package certs

import (
	"bytes"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"path/filepath"
	"slices"
	"strings"
)

// A Root is a certificate to be trusted and the file that holds it in PEM. The zero value stands for a root that is lost:
// removing it from a trust store removes every root that bears this package's organisation. The Root of a [Claim]
// removes fewer.
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

// Borrowed begins the names of mkcert's roots where this program has put them into a trust store. The rest of the name is
// mkcert's own. A root with this name is ours to remove; one without it is mkcert's.
const Borrowed = "letta-dev, "

// Name returns the unique name under which trust stores know the root: the organisation in its subject and its serial
// number in decimal, as mkcert does, after [Borrowed] if the root is mkcert's.
func (r Root) Name() string {
	name := strings.Join(slices.Concat(r.Certificate.Subject.Organization, []string{r.Certificate.SerialNumber.String()}), " ")
	if !IsOurs(r.Certificate) {
		name = Borrowed + name
	}
	return name
}

// FileName returns the name as a file's, without an extension.
func (r Root) FileName() string { return FileName(r.Name()) }

// FileName returns the name of a file for a root's name, as mkcert writes it: with underscores for blanks.
func FileName(name string) string { return strings.ReplaceAll(name, " ", "_") }

// Is reports whether a certificate, which may be nil, is this root.
func (r Root) Is(c *x509.Certificate) bool { return c != nil && r.isIn(c.Raw) }

func (r Root) isIn(der []byte) bool {
	return r.Certificate != nil && bytes.Equal(r.Certificate.Raw, der)
}

// Find looks for roots of this package in PEM data: present reports whether this root is there, others are the rest.
func (r Root) Find(data []byte) (present bool, others []*x509.Certificate) {
	for block, rest := pem.Decode(data); block != nil; block, rest = pem.Decode(rest) {
		if r.isIn(block.Bytes) {
			present = true
		} else if c := ParseOurs(block.Bytes); c != nil {
			others = append(others, c)
		}
	}
	return present, others
}

// Supersedes reports whether a PEM block is another root of this package.
func (r Root) Supersedes(block *pem.Block) bool {
	return !r.isIn(block.Bytes) && ParseOurs(block.Bytes) != nil
}

// ParseOurs returns the certificate at the beginning of DER data if it is a root of this package, otherwise nil. It parses
// only data that holds the organisation, which is little of a bundle.
func ParseOurs(data []byte) *x509.Certificate {
	if !bytes.Contains(data, []byte(Organisation)) {
		return nil
	}
	der, _, _ := SplitCertificate(data)
	if c, err := x509.ParseCertificate(der); err == nil && IsOurs(c) {
		return c
	}
	return nil
}

// IsOurs reports, by its subject, whether a certificate is a root of this package.
func IsOurs(c *x509.Certificate) bool {
	return c.IsCA && slices.Contains(c.Subject.Organization, Organisation)
}

// A Claim says which roots in a trust store belong to a user and are to be removed. A store of the whole machine also holds
// the roots of its other users, and of this user under another HOME. The zero value claims every root of this package, and
// those of mkcert with a name of ours.
type Claim struct {
	Authority *Authority        // the authority of the root; nil if it is lost
	Folder    string            // the folder of this user's authorities: only roots made there are claimed; empty means all
	Mkcert    *x509.Certificate // the root of this user's mkcert, claimed where it has a name of ours; may be nil
}

// Root returns the root of the Authority with the claim. Removing it from a trust store removes what is claimed. It has no
// certificate if the authority is mkcert's, whose root stays where mkcert has put it.
func (c Claim) Root() Root {
	if c.Authority == nil || c.Authority.Mkcert() {
		return c.Of(Root{})
	}
	return c.Of(c.Authority.Root())
}

// Of returns a root with the claim.
func (c Claim) Of(root Root) Root {
	root.claim = nil
	if c.Folder != "" {
		c.Folder = folderMark(c.Folder)
		root.claim = &c
	}
	return root
}

// ClaimAll returns the root without its claim, so that all roots of this package are removed with it.
func (r Root) ClaimAll() Root { return Root{Certificate: r.Certificate, Path: r.Path} }

// ClaimMark returns what the subject of a claimed root says of its folder, as an organisational unit, and "" if all roots
// are claimed.
func (r Root) ClaimMark() string {
	if r.claim == nil {
		return ""
	}
	return r.claim.Folder
}

// Claims reports whether a certificate is to be removed with the root. It must be a root of this package, or mkcert's with
// a name of ours.
func (r Root) Claims(c *x509.Certificate) bool {
	return r.claim == nil || r.Is(c) || c.Equal(r.claim.Mkcert) || slices.Contains(c.Subject.OrganizationalUnit, r.claim.Folder)
}

// Divide returns the certificates that are to be removed with the root, and the others.
func (r Root) Divide(all []*x509.Certificate) (claimed, others []*x509.Certificate) {
	for _, c := range all {
		if r.Claims(c) {
			claimed = append(claimed, c)
		} else {
			others = append(others, c)
		}
	}
	return claimed, others
}

// folderMark returns what stands for an authority's folder in the subjects of its roots, so that they are recognised after
// the folder is gone. Symbolic links on the way to the folder do not change it.
func folderMark(dir string) string {
	rest := ""
	for at := dir; ; at = filepath.Dir(at) {
		if real, err := filepath.EvalSymlinks(at); err == nil {
			dir = filepath.Join(real, rest)
			break
		}
		if at == filepath.Dir(at) {
			break
		}
		rest = filepath.Join(filepath.Base(at), rest)
	}
	sum := sha256.Sum256([]byte(dir))
	return "folder " + hex.EncodeToString(sum[:8])
}
