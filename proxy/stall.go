package proxy

import (
	"errors"
	"sync"
	"sync/atomic"
	"time"
)

// errStill ends the reading of a body that does not come.
var errStill = errors.New("the body has not moved for too long")

// stallLooks is how often a stall looks within its limit.
const stallLooks = 8

// A stall is a body whose client may stop sending: it notices that somebody has waited for the next piece for a whole limit,
// and in all that time got none. A body that moves has no limit, and one that the upstream does not take waits for nobody. It
// costs two counts for a piece, and a timer for the body.
type stall struct {
	source
	steps atomic.Int64 // of next: odd while it waits

	mu      sync.Mutex
	timer   *time.Timer // nil until begin
	stopped bool
	seen    int64 // steps at the last look
	looks   int   // in which it waited for the same piece
}

func (s *stall) next() ([]byte, error) {
	s.steps.Add(1)
	defer s.steps.Add(1)
	return s.source.next()
}

// begin has ended called, once, when the body has not moved for limit, unless stop was called before.
func (s *stall) begin(limit time.Duration, ended func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.stopped {
		s.timer = time.AfterFunc(limit/stallLooks, func() { s.look(limit, ended) })
	}
}

func (s *stall) look(limit time.Duration, ended func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopped {
		return
	}
	steps := s.steps.Load()
	if steps != s.seen || steps%2 == 0 {
		s.seen, s.looks = steps, 0
	} else if s.looks++; s.looks == stallLooks {
		s.stopped = true
		ended()
		return
	}
	s.timer.Reset(limit / stallLooks)
}

func (s *stall) stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stopped = true
	if s.timer != nil {
		s.timer.Stop()
	}
}
