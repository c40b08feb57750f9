package certs

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// A Renewal is a leaf that came into use, the first included, or one that could not be replaced, which is told once an
// hour. An authority that is gone from the disk, or broken, is one for all names; so is one in its last 30 days and
// after its end, which is told once a day: see [Authority.EndsSoon].
type Renewal struct {
	Names    Names
	NotAfter time.Time // of the leaf in use now
	Reason   string    // what made it necessary, for people: "the authority was replaced"; empty for the first
	Err      error     // why the old leaf stays in use or will not be replaced for long, or else:
	InMemory bool      // the new leaf is in use, and Err is why it is not on disk
}

// whyDue tells why a leaf has to be replaced: it is another authority's, in its last third, over, or from the future,
// where a clock that ran ahead has put it. One that ends with its authority is as good as any that could replace it, and so
// is every one when that has ended. It is empty if the leaf may stay.
func (s *authorityWatch) whyDue(h *issuedLeaf) string {
	a, l := s.current.Load(), h.leaf.Leaf
	now, lastThird := a.now(), l.NotAfter.Sub(l.NotBefore)/3
	switch {
	case h.by != a:
		return "the authority was replaced"
	case now.After(a.NotAfter()):
		return ""
	case now.Before(l.NotBefore):
		return "the clock was put back to before its time"
	case now.After(l.NotAfter.Add(-lastThird)) && l.NotAfter.Before(a.NotAfter()):
		return "it was in the last third of its time"
	}
	return ""
}

const (
	retryAfter  = time.Minute // after a renewal that failed: a handshake must not wait for a full disk each time
	retellAfter = time.Hour   // that it still fails
)

// renewDue replaces a leaf that is due. Another process may have done so on disk.
func (s *leafCache) renewDue() {
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

// Renew issues anew, due or not, every leaf that Keepers have on disk, and those for [DefaultNames]. A Keeper that runs,
// in this process or another, takes its own up within seconds. A leaf that is over goes: its Keeper has not run for long.
// So does one for names that the authority may not sign for, which another authority has left. The renewals are those
// that succeeded.
func (a *Authority) Renew() ([]Renewal, error) {
	if err := a.inForce(); err != nil {
		return nil, err
	}
	var renewed []Renewal
	err := a.owner.As(func() (err error) {
		renewed, err = a.renew()
		return err
	})
	return renewed, err
}

func (a *Authority) renew() (renewed []Renewal, err error) {
	all, err := a.leaves()
	for _, names := range all {
		leaf, issueErr := a.Issue(names)
		if issueErr == nil {
			issueErr = a.keep(leaf, names)
		}
		if issueErr != nil {
			err = errors.Join(err, issueErr)
			continue
		}
		renewed = append(renewed, Renewal{Names: names, NotAfter: leaf.Leaf.NotAfter, Reason: "it was asked for"})
	}
	return renewed, err
}

// leaves returns the names of the leaves to renew, those for DefaultNames first, and deletes the others. It returns them
// beside the error if that fails.
func (a *Authority) leaves() ([]Names, error) {
	all := []Names{DefaultNames().DNS(), DefaultNames().hostsFirst()}
	entries, err := os.ReadDir(filepath.Join(a.dir, leavesFolder))
	if errors.Is(err, fs.ErrNotExist) {
		return all, nil
	}
	for _, entry := range entries {
		path := filepath.Join(a.dir, leavesFolder, entry.Name())
		leaf, readErr := readLeaf(path)
		if readErr != nil {
			continue // its Keeper replaces it when it starts
		}
		switch names := carried(leaf); {
		case slices.ContainsFunc(all, names.equal):
		case leaf.NotAfter.Before(a.now()) || a.Check(names) != nil || path != a.leafPath(names):
			err = errors.Join(err, os.Remove(path))
		default:
			all = append(all, names)
		}
	}
	return all, err
}
