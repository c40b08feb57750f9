package certs

import (
	"crypto/tls"
	"slices"
	"strings"
	"sync"
)

// mostByName bounds the leaves that are issued by name: any program on this machine can ask for names without end.
const mostByName = 64

// leavesByName holds leaves for names further below a wildcard of a Keeper than the one label that the wildcard stands
// for. Each is issued when a client asks for it, and kept in memory alone.
type leavesByName struct {
	source *source
	names  Names // of the Keeper

	mu     sync.Mutex
	leaves map[string]*held
	order  []string // the oldest first
}

// get returns the leaf for a server name, or nil where the name is covered by the Keeper's own leaves, is not served, or
// cannot be signed for now.
func (l *leavesByName) get(serverName string) *tls.Certificate {
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
	l.leaves[name] = &held{leaf, a}
	if len(l.order) > mostByName {
		delete(l.leaves, l.order[0])
		l.order = slices.Delete(l.order, 0, 1)
	}
	return leaf
}
