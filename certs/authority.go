package certs

import (
	"crypto"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
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
	carootFile          = "caroot" // instead of the three: where mkcert's are
	leavesFolder        = "leaves"
)

// Options say how an authority is opened. The zero value will do.
type Options struct {
	Now     func() time.Time // the clock; nil means time.Now
	Holder  string           // whose authority this is, "user@host"; shown in the names of its certificates
	Owner   *Owner           // whom its files shall belong to; nil means this process's user
	Domains []string         // what it may sign for beside localhost and loopback addresses, names under them included
	CAROOT  string           // mkcert's folder, if its CA is to be the authority; see [FindMkcert]

	step func(name string) // called before each change to the disk; tests end the process there
}

// Owner is the user that files belong to when the process runs with other rights, under sudo.
type Owner struct{ UID, GID int }

// An Authority signs leaves. It is safe for concurrent use.
type Authority struct {
	dir    string
	caroot string // mkcert's folder, if the CA is mkcert's
	owner  *Owner
	now    func() time.Time
	root   *x509.Certificate
	issuer *x509.Certificate // the root itself, if the CA is mkcert's
	key    crypto.Signer     // the issuer's
}

// Open loads the authority in dir, or makes one where dir is absent or empty; created tells which. Of several
// processes that do so at once one makes it and all return the same. A folder that holds a broken, expired or exposed
// authority, or another than the options ask for, is left alone: the error is an [*Error] whose Hint says what to type.
func Open(dir string, opts Options) (a *Authority, created bool, err error) {
	opts = opts.withDefaults()
	if dir, err = filepath.Abs(dir); err != nil {
		return nil, false, err
	}
	if err := opts.check(); err != nil {
		return nil, false, err
	}
	a, err = opts.load(dir)
	if !errors.Is(err, fs.ErrNotExist) {
		return a, false, err
	}
	if err := makeParents(dir, opts.Owner); err != nil {
		return nil, false, &Error{Doing: "make the authority", Path: dir, Err: err}
	}
	unlock, err := lock(dir, opts.Owner)
	if err != nil {
		return nil, false, err
	}
	defer unlock()
	if a, err = opts.load(dir); !errors.Is(err, fs.ErrNotExist) {
		return a, false, err // another process was faster
	}
	if a, err = opts.make(dir); err != nil {
		return nil, false, made(dir, err)
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
	if _, err := ownFolder(dir); err != nil {
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
	if a.Mkcert() {
		return Root{Certificate: a.root, Path: filepath.Join(a.caroot, rootFile)}
	}
	return Root{Certificate: a.root, Path: filepath.Join(a.dir, rootFile)}
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

// EndsSoon returns an [*Error] if the authority is in its last 30 days: it says when it ends, and the Hint how to make
// another and have that trusted.
func (a *Authority) EndsSoon() error {
	if !a.now().After(a.NotAfter().AddDate(0, 0, -30)) {
		return nil
	}
	return &Error{Path: a.dir, Err: fmt.Errorf("the authority ends on %s, and no certificate outlives it", a.NotAfter().Format(time.DateOnly)), Advice: a.anew()}
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

// check tells whether the options ask for something that can be.
func (o Options) check() error {
	if _, err := permitted(o.Domains); err != nil {
		return err
	}
	if o.CAROOT == "" {
		return nil
	}
	if len(o.Domains) > 0 {
		return &Error{Doing: "make the authority", Err: errors.New("mkcert's CA may sign for every domain: to allow it one has no meaning"),
			Advice: "letta-dev certs init --mkcert"}
	}
	if !filepath.IsAbs(o.CAROOT) || strings.ContainsAny(o.CAROOT, "\n\x00") {
		return &Error{Doing: "use mkcert's CA", Err: fmt.Errorf("its folder %q is no absolute path", o.CAROOT), Advice: "mkcert -CAROOT"}
	}
	return nil
}

// load returns the authority in dir if it is the one that is asked for.
func (o Options) load(dir string) (*Authority, error) {
	a, err := Load(dir, o)
	if err != nil {
		return nil, err
	}
	other := func(format string, args ...any) error {
		advice := remakeWith(append(a.Domains(), o.Domains...))
		if o.CAROOT != "" {
			advice = remakeMkcert
		}
		return &Error{Doing: "make the authority", Path: dir, Err: fmt.Errorf(format, args...), Advice: advice}
	}
	if o.CAROOT != "" && a.caroot != o.CAROOT {
		return nil, other("there is another one already, and it stays as it is: who trusts that one does not trust mkcert's")
	}
	for _, domain := range o.Domains {
		if domain, _ = parseDomain(domain); a.Mkcert() || !a.permits(domain) {
			return nil, other("there is one already that is not made for %s, and what it may sign for cannot be changed", domain)
		}
	}
	return a, nil
}

// make makes the authority that is asked for; the caller holds the lock.
func (o Options) make(dir string) (*Authority, error) {
	if o.CAROOT != "" {
		return refer(dir, o)
	}
	return create(dir, o)
}

// made wraps the error of making the authority in dir, unless that says for itself what it is about.
func made(dir string, err error) error {
	var told *Error
	if errors.As(err, &told) {
		return err
	}
	return &Error{Doing: "make the authority", Path: dir, Err: err}
}

func (o Options) withDefaults() Options {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.CAROOT != "" {
		o.CAROOT = filepath.Clean(o.CAROOT)
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
