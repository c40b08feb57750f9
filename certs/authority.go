package certs

import (
	"crypto"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
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

// Open loads the authority in dir, or makes one where dir is absent or holds nothing of one; created tells which. Of several
// processes that do so at once one makes it and all return the same. A folder that holds a broken, expired or exposed
// authority, or another than the options ask for, is left alone: the error is an [*host.Error] whose Hint says what to type.
// What else is in the folder stays there.
func Open(dir string, opts Options) (a *Authority, created bool, err error) {
	opts = opts.withDefaults()
	if dir, err = filepath.Abs(dir); err != nil {
		return nil, false, err
	}
	if err := opts.check(); err != nil {
		return nil, false, err
	}
	err = opts.Owner.As(func() (err error) {
		a, created, err = open(dir, opts)
		return err
	})
	return a, created, err
}

func open(dir string, opts Options) (a *Authority, created bool, err error) {
	a, err = opts.load(dir)
	if !errors.Is(err, fs.ErrNotExist) && (err == nil || !halfMade(dir)) {
		return a, false, err
	}
	if err := host.MakeParents(dir, opts.Owner); err != nil {
		return nil, false, &host.Error{Doing: "make the authority", Path: dir, Err: err}
	}
	unlock, err := host.LockBeside(dir, opts.Owner)
	if err != nil {
		return nil, false, err
	}
	defer unlock()
	if halfMade(dir) { // by a process that died: we hold the lock
		err = removeOurs(dir)
	}
	if err == nil {
		a, err = opts.load(dir)
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return a, false, err // another process was faster
	}
	if a, err = opts.make(dir); err != nil {
		return nil, false, made(dir, err)
	}
	return a, true, nil
}

// Remove deletes the authority in dir with its key and leaves. The folder disappears in one step, or, where that cannot
// be, file by file, the keys first. What in it is not an authority's stays, and left names it. An absent folder is no
// error; of what cannot be deleted the error tells when all else has been. What locks the folder stays, and is the owner's.
func Remove(dir string, owner *host.Owner) (left []string, err error) {
	dir, err = filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	err = owner.As(func() (err error) {
		left, err = removeAuthority(dir, owner)
		return err
	})
	return left, err
}

func removeAuthority(dir string, owner *host.Owner) (left []string, err error) {
	if !host.Exists(filepath.Dir(dir)) {
		return nil, nil
	}
	if unlock, err := host.LockBeside(dir, owner); err == nil { // what is in the way of the lock, be it a full disk, saves no key
		defer unlock()
	}
	swept := sweep(dir) // a key may be among the remains
	info, err := ownFolder(dir)
	if err != nil || info == nil {
		return nil, errors.Join(swept, err)
	}
	_ = host.OpenToOwner(dir) // what fails here fails again below
	if left = others(dir); len(left) == 0 {
		err = removeFolder(dir)
	} else {
		err = removeOurs(dir)
	}
	if err = errors.Join(swept, err); err != nil {
		return left, &host.Error{Doing: "delete the authority", Path: dir, Err: err, Advice: host.Reclaim(filepath.Dir(dir)) + " && letta-dev certs uninstall"}
	}
	return left, nil
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
	return &host.Error{Path: a.dir, Err: fmt.Errorf(says, a.NotAfter().Local().Format(time.DateOnly)), Advice: a.anew()}
}

// anew is how to replace the authority by one that may sign for the same. Mkcert's is replaced by ours: mkcert makes no
// other as long as it has one.
func (a *Authority) anew() string { return remakeWith(a.Domains()) }

func (a *Authority) notBefore() time.Time {
	if a.issuer.NotBefore.After(a.root.NotBefore) {
		return a.issuer.NotBefore
	}
	return a.root.NotBefore
}
