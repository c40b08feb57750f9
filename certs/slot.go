package certs

import (
	"crypto/tls"
	"errors"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// retryAfter is how long a slot waits after a renewal that failed: a handshake must not wait for a full disk each time.
const retryAfter = time.Minute

// A slot holds one leaf of a Keeper and its file.
type slot struct {
	authority *Authority
	names     Names
	path      string
	report    func(Renewal)
	current   atomic.Pointer[tls.Certificate]

	renewing sync.Mutex
	failed   time.Time // of the last renewal that failed; guarded by renewing
}

// load takes the leaf from disk, or issues the first one.
func (s *slot) load() error {
	if leaf, err := s.read(); err == nil && !s.due(leaf) {
		s.current.Store(leaf)
		return nil
	}
	leaf, err := s.authority.Issue(s.names)
	if err != nil {
		return err
	}
	s.use(leaf)
	return nil
}

// get returns the leaf, renewed if that is due. While one caller renews, the others get the old leaf.
func (s *slot) get() *tls.Certificate {
	if leaf := s.current.Load(); s.due(leaf) && s.renewing.TryLock() {
		defer s.renewing.Unlock()
		s.renewDue()
	}
	return s.current.Load()
}

// renewDue replaces a leaf that is due. Another process may have done so on disk.
func (s *slot) renewDue() {
	now := s.authority.now()
	if since := now.Sub(s.failed); since >= 0 && since < retryAfter {
		return
	}
	if !s.due(s.current.Load()) {
		return // the caller before us was faster
	}
	if leaf, err := s.read(); err == nil && !s.due(leaf) {
		s.current.Store(leaf)
		s.report(Renewal{Names: s.names, NotAfter: leaf.Leaf.NotAfter})
		return
	}
	leaf, err := s.authority.Issue(s.names)
	if err != nil {
		s.failed = now
		s.report(Renewal{Names: s.names, NotAfter: s.current.Load().Leaf.NotAfter, Err: err})
		return
	}
	s.use(leaf)
}

// renew replaces the leaf whether that is due or not.
func (s *slot) renew() error {
	s.renewing.Lock()
	defer s.renewing.Unlock()
	leaf, err := s.authority.Issue(s.names)
	if err != nil {
		return err
	}
	return s.use(leaf)
}

// use puts a new leaf into service, then on disk. Failing to write it takes nothing away from this process.
func (s *slot) use(leaf *tls.Certificate) error {
	s.current.Store(leaf)
	err := s.write(leaf)
	s.report(Renewal{Names: s.names, NotAfter: leaf.Leaf.NotAfter, Err: err})
	return err
}

// due tells whether a leaf is in its last third, over, or from the future, where a clock that ran ahead has put it. A
// leaf that ends with its authority is as good as any that could replace it.
func (s *slot) due(leaf *tls.Certificate) bool {
	now, l := s.authority.now(), leaf.Leaf
	if now.Before(l.NotBefore) {
		return true
	}
	lastThird := l.NotAfter.Sub(l.NotBefore) / 3
	return now.After(l.NotAfter.Add(-lastThird)) && l.NotAfter.Before(s.authority.NotAfter())
}

// read returns the leaf on disk if it is whole, private, of this authority and for these names.
func (s *slot) read() (*tls.Certificate, error) {
	data, err := readPrivate(s.path)
	if err != nil {
		return nil, err
	}
	leaf, err := tls.X509KeyPair(data, data)
	if err != nil {
		return nil, err
	}
	if err := leaf.Leaf.CheckSignatureFrom(s.authority.issuer); err != nil {
		return nil, err
	}
	carried := Names(slices.Concat(leaf.Leaf.DNSNames, addresses(leaf.Leaf.IPAddresses)))
	if !slices.Equal(carried, s.names) {
		return nil, errors.New("it is for other names")
	}
	return &leaf, nil
}

// write keeps chain and key in one file, so that one rename replaces both.
func (s *slot) write(leaf *tls.Certificate) error {
	key, err := encodeKey(leaf.PrivateKey)
	if err != nil {
		return err
	}
	dir, owner := filepath.Dir(s.path), s.authority.owner
	content := append(encodeCertificates(leaf.Certificate...), key...)
	f := file{name: filepath.Base(s.path), mode: 0o600, data: content, cheap: true}
	err = makeDir(dir, 0o700, owner)
	if err == nil {
		err = f.replace(dir, owner)
	}
	if err != nil {
		return &Error{Doing: "keep the leaf", Path: s.path, Err: err}
	}
	return nil
}
