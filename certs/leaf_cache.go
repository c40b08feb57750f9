package certs

import (
	"crypto/tls"
	"errors"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/letta-dev/letta-dev/certs/host"
)

// A leafCache holds one leaf of a Keeper and its file.
type leafCache struct {
	source  *authorityWatch
	names   Names
	report  func(Renewal)
	current atomic.Pointer[issuedLeaf]

	renewing sync.Mutex  // guards what follows
	seen     host.Stamps // the file as it was when it was last read
	failed   time.Time   // when a renewal last failed
	failedBy *Authority  // that could not sign
	told     time.Time   // when that was last reported; zero if the last one succeeded
}

// issuedLeaf is a leaf in use and the authority that signed it.
type issuedLeaf struct {
	leaf *tls.Certificate
	by   *Authority
}

func (h *issuedLeaf) notAfter() time.Time { return h.leaf.Leaf.NotAfter }

// load takes the leaf from disk, or issues the first one.
func (s *leafCache) load() error {
	if h, err := s.read(); err == nil && s.source.whyDue(h) == "" {
		s.current.Store(h)
		return nil
	}
	return s.issue("")
}

// get returns the leaf, renewed if that is due. While one caller renews, the others get the old leaf.
func (s *leafCache) get() *tls.Certificate {
	if s.source.whyDue(s.current.Load()) != "" && s.renewing.TryLock() {
		defer s.renewing.Unlock()
		s.renewDue()
	}
	return s.current.Load().leaf
}

// look renews a leaf that is due, and takes up one that another process has put on disk.
func (s *leafCache) look() {
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

// issue puts a new leaf into service, and on disk.
func (s *leafCache) issue(reason string) error {
	a := s.source.current.Load()
	leaf, err := a.Issue(s.names)
	if err != nil {
		return err
	}
	s.use(&issuedLeaf{leaf, a}, reason, a.keep(leaf, s.names))
	return nil
}

// use takes a leaf into service. That it could not be written takes nothing away from this process.
func (s *leafCache) use(h *issuedLeaf, reason string, err error) {
	s.current.Store(h)
	s.failed, s.told = time.Time{}, time.Time{}
	s.report(Renewal{Names: s.names, NotAfter: h.notAfter(), Reason: reason, Err: err, InMemory: err != nil})
}

func (s *leafCache) path() string { return s.source.current.Load().leafPath(s.names) }

// read returns the leaf on disk if it is whole, private, of this authority and for these names.
func (s *leafCache) read() (*issuedLeaf, error) {
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
	return &issuedLeaf{&leaf, a}, nil
}

// mostByName bounds the leaves that are issued by name: any program on this machine can ask for names without end.
const mostByName = 64

// serverNameLeaves holds leaves for names further below a wildcard of a Keeper than the one label that the wildcard stands
// for. Each is issued when a client asks for it, and kept in memory alone.
type serverNameLeaves struct {
	source *authorityWatch
	names  Names // of the Keeper

	mu     sync.Mutex
	leaves map[string]*issuedLeaf
	order  []string // the oldest first
}

// get returns the leaf for a server name, or nil where the name is covered by the Keeper's own leaves, is not served, or
// cannot be signed for now.
func (l *serverNameLeaves) get(serverName string) *tls.Certificate {
	name := canonical(serverName)
	below := func(served string) bool {
		domain, wild := strings.CutPrefix(served, "*")
		return wild && strings.HasSuffix(name, domain)
	}
	if l.names.Covers(name) || !slices.ContainsFunc(l.names, below) || checkHost(name) != nil {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if h := l.leaves[name]; h != nil && l.source.whyDue(h) == "" {
		return h.leaf
	}
	a := l.source.current.Load()
	leaf, err := a.Issue(Names{name})
	if err != nil {
		return nil
	}
	if l.leaves[name] == nil {
		l.order = append(l.order, name)
	}
	l.leaves[name] = &issuedLeaf{leaf, a}
	if len(l.order) > mostByName {
		delete(l.leaves, l.order[0])
		l.order = slices.Delete(l.order, 0, 1)
	}
	return leaf
}
