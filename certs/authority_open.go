package certs

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
	"time"

	"github.com/letta-dev/letta-dev/certs/host"
)

// Options say how an authority is opened. The zero value will do.
type Options struct {
	Now     func() time.Time // the clock; nil means time.Now
	Holder  string           // whose authority this is, "user@host"; shown in the names of its certificates
	Owner   *host.Owner      // whom its files shall belong to; nil means this process's user
	Domains []string         // what it may sign for beside localhost and loopback addresses, names under them included
	CAROOT  string           // mkcert's folder, if its CA is to be the authority; see [FindMkcert]

	step func(name string) // called before each change to the disk; tests end the process there
}

// check tells whether the options ask for something that can be.
func (o Options) check() error {
	for _, domain := range o.Domains {
		if _, err := allowable(domain); err != nil {
			return err
		}
	}
	if o.CAROOT == "" {
		return nil
	}
	if len(o.Domains) > 0 {
		return &host.Error{Doing: "make the authority", Err: errors.New("mkcert's CA may sign for every domain: to allow it one has no meaning"),
			Advice: "letta-dev certs init --mkcert"}
	}
	if !filepath.IsAbs(o.CAROOT) || strings.ContainsAny(o.CAROOT, "\n\x00") {
		return &host.Error{Doing: "use mkcert's CA", Err: fmt.Errorf("its folder %q is no absolute path", o.CAROOT), Advice: "mkcert -CAROOT"}
	}
	_, err := mkcertAuthority(o.CAROOT, o)
	return renewMkcert(o.CAROOT, err)
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
			advice = UseMkcert
		}
		return &host.Error{Doing: "make the authority", Path: dir, Err: fmt.Errorf(format, args...), Advice: advice}
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
	var told *host.Error
	if errors.As(err, &told) {
		return err
	}
	return &host.Error{Doing: "make the authority", Path: dir, Err: err}
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
	unlock, err := host.LockBeside(dir, "the authority", opts.Owner)
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
	if unlock, err := host.LockBeside(dir, "the authority", owner); err == nil { // what is in the way of the lock, be it a full disk, saves no key
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
