package certs

import (
	"crypto"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/gofrs/flock"
)

// The files of an authority's folder. The root is called as mkcert calls it, so that tools that look into a CAROOT
// find it.
const (
	rootFile            = "rootCA.pem"
	intermediateFile    = "intermediate.pem"
	intermediateKeyFile = "intermediate-key.pem"
	leavesFolder        = "leaves"
)

// Options say how an authority is opened. The zero value will do.
type Options struct {
	Now    func() time.Time // the clock; nil means time.Now
	Holder string           // whose authority this is, "user@host"; shown in the names of its certificates
	Owner  *Owner           // whom its files shall belong to; nil means this process's user

	step func(name string) // called before each change to the disk; tests end the process there
}

// Owner is the user that files belong to when the process runs with other rights, under sudo.
type Owner struct{ UID, GID int }

// An Authority signs leaves. It is safe for concurrent use.
type Authority struct {
	dir    string
	owner  *Owner
	now    func() time.Time
	root   *x509.Certificate
	issuer *x509.Certificate
	key    crypto.Signer // the issuer's
}

// Open loads the authority in dir, or makes one where dir is absent or empty; created tells which. Of several
// processes that do so at once one makes it and all return the same. A folder that holds a broken, expired or exposed
// authority is left alone: the error is an [*Error] whose Hint says what to type.
func Open(dir string, opts Options) (a *Authority, created bool, err error) {
	if dir, err = filepath.Abs(dir); err != nil {
		return nil, false, err
	}
	a, err = Load(dir, opts)
	if !errors.Is(err, fs.ErrNotExist) {
		return a, false, err
	}
	opts = opts.withDefaults()
	if err := makeParents(dir, opts.Owner); err != nil {
		return nil, false, &Error{Doing: "make the authority", Path: dir, Err: err}
	}
	unlock, err := lock(dir, opts.Owner)
	if err != nil {
		return nil, false, err
	}
	defer unlock()
	if a, err = Load(dir, opts); !errors.Is(err, fs.ErrNotExist) {
		return a, false, err // another process was faster
	}
	if a, err = create(dir, opts); err != nil {
		return nil, false, &Error{Doing: "make the authority", Path: dir, Err: err}
	}
	return a, true, nil
}

// Remove deletes the authority in dir with its key and leaves. The folder disappears in one step; files in it that
// are not an authority's make Remove refuse. An absent folder is no error.
func Remove(dir string) error {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return err
	}
	if !exists(filepath.Dir(dir)) {
		return nil
	}
	unlock, err := lock(dir, nil)
	if err != nil {
		return err
	}
	defer unlock()
	if err := sweep(dir); err != nil { // a key may be among the remains
		return err
	}
	if empty, err := isEmpty(dir); err != nil || empty {
		return err
	}
	if err := onlyOurs(dir); err != nil {
		return &Error{Doing: "remove the authority", Path: dir, Err: err}
	}
	return removeFolder(dir)
}

// Dir returns the folder of the authority's files.
func (a *Authority) Dir() string { return a.dir }

// Root returns what has to be trusted.
func (a *Authority) Root() Root {
	return Root{Certificate: a.root, Path: filepath.Join(a.dir, rootFile)}
}

// NotAfter returns when the authority ends: no leaf outlives it, and then it must be made and trusted anew.
func (a *Authority) NotAfter() time.Time {
	if a.issuer.NotAfter.Before(a.root.NotAfter) {
		return a.issuer.NotAfter
	}
	return a.root.NotAfter
}

func (a *Authority) notBefore() time.Time {
	if a.issuer.NotBefore.After(a.root.NotBefore) {
		return a.issuer.NotBefore
	}
	return a.root.NotBefore
}

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

func (o Options) withDefaults() Options {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.step == nil {
		o.step = func(string) {}
	}
	return o
}

// lock keeps other processes from making or removing the authority in dir. The lock file stands next to dir because
// dir itself comes and goes.
func lock(dir string, owner *Owner) (unlock func(), err error) {
	path := filepath.Join(filepath.Dir(dir), "."+filepath.Base(dir)+".lock")
	l := flock.New(path)
	if err := l.Lock(); err != nil {
		return nil, &Error{Doing: "lock the authority", Path: path, Err: err}
	}
	if err := owner.own(path); err != nil {
		return nil, errors.Join(err, l.Unlock())
	}
	return func() { _ = l.Unlock() }, nil // closing the file is what can fail, and ends the lock all the same
}

// own gives path itself, not what it may link to, to the owner.
func (o *Owner) own(path string) error {
	if o == nil {
		return nil
	}
	return os.Lchown(path, o.UID, o.GID)
}
