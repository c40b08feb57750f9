package certs

import (
	"crypto"
	"crypto/x509"
	"fmt"
	"path/filepath"
	"slices"
	"time"

	"github.com/letta-dev/letta-dev/certs/host"
)

// The files of an authority's folder. The root is called as mkcert calls it, so that tools that look into a CAROOT
// find it.
const (
	rootFile            = "rootCA.pem"
	intermediateFile    = "intermediate.pem"
	intermediateKeyFile = "intermediate-key.pem"
	carootFile          = "caroot" // instead of the three: where mkcert's are
	leavesFolder        = "leaves"
)

// An Authority signs leaves. It is safe for concurrent use.
type Authority struct {
	dir    string
	caroot string // mkcert's folder, if the CA is mkcert's
	owner  *host.Owner
	now    func() time.Time
	root   *x509.Certificate
	issuer *x509.Certificate // the root itself, if the CA is mkcert's
	key    crypto.Signer     // the issuer's
}

// Dir returns the folder of the authority's files.
func (a *Authority) Dir() string { return a.dir }

// Root returns what has to be trusted.
func (a *Authority) Root() Root {
	if a.Mkcert() {
		return Root{Certificate: a.root, Path: filepath.Join(a.caroot, rootFile)}
	}
	return Root{Certificate: a.root, Path: filepath.Join(a.dir, rootFile)}
}

// KeyPath returns where the key is that signs: what must not be stolen.
func (a *Authority) KeyPath() string {
	if a.Mkcert() {
		return filepath.Join(a.caroot, rootKeyFile)
	}
	return filepath.Join(a.dir, intermediateKeyFile)
}

// Domains returns what the authority may sign for beside localhost and loopback addresses, names under them included. It
// is empty for mkcert's, which may sign for everything.
func (a *Authority) Domains() []string {
	if a.Mkcert() {
		return nil
	}
	return slices.Clone(a.issuer.PermittedDNSDomains[1:])
}

// NotAfter returns when the authority ends: no leaf outlives it, and then it must be made and trusted anew.
func (a *Authority) NotAfter() time.Time {
	if a.issuer.NotAfter.Before(a.root.NotAfter) {
		return a.issuer.NotAfter
	}
	return a.root.NotAfter
}

// EndsSoon returns an [*host.Error] if the authority is in its last 30 days, or over: it says when it ends, and the Hint how to
// make another and have that trusted.
func (a *Authority) EndsSoon() error {
	says := "the authority ends on %s, and no certificate outlives it"
	switch now, end := a.now(), a.NotAfter(); {
	case now.After(end):
		says = "the authority ended on %s, and no client accepts its certificates any more"
	case !now.After(end.AddDate(0, 0, -30)):
		return nil
	}
	return &host.Error{Path: a.dir, Err: fmt.Errorf(says, a.NotAfter().Local().Format(time.DateOnly)), Advice: a.RemakeCommand()}
}

// RemakeCommand returns what to type to replace the authority by a new one that may sign for the same names. mkcert's is
// replaced by one of ours, because mkcert makes no new one as long as it has one.
func (a *Authority) RemakeCommand() string { return remakeWith(a.Domains()) }

func (a *Authority) notBefore() time.Time {
	if a.issuer.NotBefore.After(a.root.NotBefore) {
		return a.issuer.NotBefore
	}
	return a.root.NotBefore
}
