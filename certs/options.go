package certs

import (
	"errors"
	"fmt"
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
