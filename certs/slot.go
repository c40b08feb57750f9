package certs

import (
	"crypto/tls"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/letta-dev/letta-dev/certs/host"
)

const (
	retryAfter  = time.Minute // after a renewal that failed: a handshake must not wait for a full disk each time
	retellAfter = time.Hour   // that it still fails
)

// A slot holds one leaf of a Keeper and its file.
type slot struct {
	source  *source
	names   Names
	report  func(Renewal)
	current atomic.Pointer[held]

	renewing sync.Mutex  // guards what follows
	seen     host.Stamps // the file as it was when it was last read
	failed   time.Time   // when a renewal last failed
	failedBy *Authority  // that could not sign
	told     time.Time   // when that was last reported; zero if the last one succeeded
}

// held is a leaf in use and the authority that signed it.
type held struct {
	leaf *tls.Certificate
	by   *Authority
}

func (h *held) notAfter() time.Time { return h.leaf.Leaf.NotAfter }

// load takes the leaf from disk, or issues the first one.
func (s *slot) load() error {
	if h, err := s.read(); err == nil && s.source.whyDue(h) == "" {
		s.current.Store(h)
		return nil
	}
	return s.issue("")
}

// get returns the leaf, renewed if that is due. While one caller renews, the others get the old leaf.
func (s *slot) get() *tls.Certificate {
	if s.source.whyDue(s.current.Load()) != "" && s.renewing.TryLock() {
		defer s.renewing.Unlock()
		s.renewDue()
	}
	return s.current.Load().leaf
}

// look renews a leaf that is due, and takes up one that another process has put on disk.
func (s *slot) look() {
	s.renewing.Lock()
	defer s.renewing.Unlock()
	s.renewDue()
	now := host.StampsOf([]string{s.path()})
	if now.Equal(s.seen) {
		return
	}
	s.seen = now
	h, err := s.read()
	if err == nil && s.source.whyDue(h) == "" && !h.leaf.Leaf.Equal(s.current.Load().leaf.Leaf) {
		s.use(h, "another process renewed it", nil)
	}
}

// renewDue replaces a leaf that is due. Another process may have done so on disk.
func (s *slot) renewDue() {
	reason := s.source.whyDue(s.current.Load())
	a := s.source.current.Load()
	now := a.now()
	if since := now.Sub(s.failed); reason == "" || since >= 0 && since < retryAfter && s.failedBy == a {
		return
	}
	if h, err := s.read(); err == nil && s.source.whyDue(h) == "" {
		s.use(h, reason, nil)
		return
	}
	err := s.issue(reason)
	if err == nil {
		return
	}
	s.failed, s.failedBy = now, a
	if since := now.Sub(s.told); since < 0 || since >= retellAfter {
		s.told = now
		s.report(Renewal{Names: s.names, NotAfter: s.current.Load().notAfter(), Err: err})
	}
}

// issue puts a new leaf into service, and on disk.
func (s *slot) issue(reason string) error {
	a := s.source.current.Load()
	leaf, err := a.Issue(s.names)
	if err != nil {
		return err
	}
	s.use(&held{leaf, a}, reason, a.keep(leaf, s.names))
	return nil
}

// use takes a leaf into service. That it could not be written takes nothing away from this process.
func (s *slot) use(h *held, reason string, err error) {
	s.current.Store(h)
	s.failed, s.told = time.Time{}, time.Time{}
	s.report(Renewal{Names: s.names, NotAfter: h.notAfter(), Reason: reason, Err: err, InMemory: err != nil})
}

func (s *slot) path() string { return s.source.current.Load().leafPath(s.names) }

// read returns the leaf on disk if it is whole, private, of this authority and for these names.
func (s *slot) read() (*held, error) {
	a := s.source.current.Load()
	data, err := readPrivate(a.leafPath(s.names))
	if err != nil {
		return nil, err
	}
	leaf, err := tls.X509KeyPair(data, data)
	if err != nil {
		return nil, err
	}
	if err := leaf.Leaf.CheckSignatureFrom(a.issuer); err != nil {
		return nil, err
	}
	if !carried(leaf.Leaf).equal(s.names) {
		return nil, errors.New("it is for other names")
	}
	return &held{&leaf, a}, nil
}
