package certs

import (
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/letta-dev/letta-dev/certs/host"
)

// A authorityWatch is the authority of a folder for as long as a server runs, while others may replace or delete it on disk.
type authorityWatch struct {
	current atomic.Pointer[Authority]

	mu   sync.Mutex
	seen host.Stamps // the files as they were when current was loaded
	told host.Stamps // the files as they were when loading them failed and that was told

	warned time.Time // when it was last told that the authority ends
}

// warnAgain is how often it is told that an authority ends.
const warnAgain = 24 * time.Hour

func newAuthorityWatch(a *Authority) *authorityWatch {
	s := &authorityWatch{} // that nothing has been seen yet makes the first refresh load: a may be older than the files
	s.current.Store(a)
	return s
}

// refresh takes up the authority that is on disk now. If there is none, or one that will not do, the last stays, and the
// error is returned once for each such state of the disk. It tries again each time: what stands in the way may be the
// clock.
func (s *authorityWatch) refresh() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	current := s.current.Load()
	now := host.StampsOf(current.files())
	if now.Equal(s.seen) {
		s.told = nil
		return nil
	}
	found, err := Load(current.dir, Options{Now: current.now, Owner: current.owner})
	switch {
	case err == nil && !found.same(current):
		s.current.Store(found)
		s.seen, s.told = nil, nil // its files may be others: they are looked at next time
	case err == nil:
		s.seen, s.told = now, nil
	case now.Equal(s.told):
		return nil
	default:
		s.told = now
	}
	return err
}

// ending returns the error of EndsSoon once a day, and at once when the authority has ended.
func (s *authorityWatch) ending() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.current.Load()
	err := a.EndsSoon()
	if err == nil {
		s.warned = time.Time{}
		return nil
	}
	now, end := a.now(), a.NotAfter()
	since, ended := now.Sub(s.warned), now.After(end) && !s.warned.After(end)
	if since >= 0 && since < warnAgain && !ended { // less than nothing: the clock was put back
		return nil
	}
	s.warned = now
	return err
}

// files are all those on which an authority in the same folder may rest.
func (a *Authority) files() []string {
	var files []string
	for _, name := range []string{"", rootFile, intermediateFile, intermediateKeyFile, carootFile} {
		files = append(files, filepath.Join(a.dir, name))
	}
	if a.Mkcert() {
		files = append(files, filepath.Join(a.caroot, rootFile), filepath.Join(a.caroot, rootKeyFile))
	}
	return files
}

// same tells whether two authorities sign the same.
func (a *Authority) same(b *Authority) bool {
	return a.root.Equal(b.root) && a.issuer.Equal(b.issuer) && a.caroot == b.caroot
}
