package certs

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"path/filepath"
	"slices"
)

// A Claim says which roots of a store are a user's, to be removed. A store of the whole machine holds those of its other
// users too, and of this one under another HOME. The zero value claims every root of this package, and what of mkcert's
// bears a name of ours.
type Claim struct {
	Authority *Authority        // whose root it is; nil if it is lost
	Folder    string            // where authorities of this user are made: all roots that were made there are claimed, and no others; empty: all
	Mkcert    *x509.Certificate // the root of this user's mkcert, claimed where it bears a name of ours; may be nil
}

// Root returns the root of the Authority, unless that is mkcert's, which may stay where mkcert has put it. Removing it
// from a store removes what is claimed.
func (c Claim) Root() Root {
	var root Root
	if c.Authority != nil && !c.Authority.Mkcert() {
		root = c.Authority.Root()
	}
	if c.Folder != "" {
		c.Folder = folderMark(c.Folder)
		root.claim = &c
	}
	return root
}

// claims tells whether a certificate that is of this package, or mkcert's under a name of ours, is to be removed with the root.
func (r Root) claims(c *x509.Certificate) bool {
	return r.claim == nil || r.is(c) || c.Equal(r.claim.Mkcert) || slices.Contains(c.Subject.OrganizationalUnit, r.claim.Folder)
}

// claimed returns those certificates that are to be removed, and the others.
func (r Root) claimed(all []*x509.Certificate) (claimed, others []*x509.Certificate) {
	for _, c := range all {
		if r.claims(c) {
			claimed = append(claimed, c)
		} else {
			others = append(others, c)
		}
	}
	return claimed, others
}

// folderMark stands for an authority's folder in the subjects of its roots, by which they are known when the folder is
// gone. Of links on the way to it nothing is in the mark.
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
