package host

import (
	"context"
	"io/fs"
	"os"
	"slices"
	"time"
)

// EachTick calls look at every tick until ctx is done, and returns the context's error. If ticks is nil, it ticks by itself
// at the given interval.
func EachTick(ctx context.Context, ticks <-chan time.Time, every time.Duration, look func()) error {
	if ticks == nil {
		ticker := time.NewTicker(every)
		defer ticker.Stop()
		ticks = ticker.C
	}
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-ticks:
			look()
		}
	}
}

// Stamps are the states of some files, to be compared with later ones. An absent file has nil.
type Stamps []fs.FileInfo

// StampsOf calls stat for each path, following symbolic links.
func StampsOf(paths []string) Stamps {
	var s Stamps
	for _, path := range paths {
		info, err := os.Stat(path)
		if err != nil {
			info = nil
		}
		s = append(s, info)
	}
	return s
}

// Equal reports whether no file has changed: not its identity, mode, size or time. Of a folder only identity and mode count.
func (s Stamps) Equal(other Stamps) bool { return slices.EqualFunc(s, other, sameStamp) }

func sameStamp(a, b fs.FileInfo) bool {
	if a == nil || b == nil {
		return a == b
	}
	if a.IsDir() && b.IsDir() { // files put into a folder change its time
		return os.SameFile(a, b) && a.Mode() == b.Mode()
	}
	return os.SameFile(a, b) && a.Mode() == b.Mode() && a.Size() == b.Size() && a.ModTime().Equal(b.ModTime())
}
