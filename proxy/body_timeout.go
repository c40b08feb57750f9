package proxy

import (
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/letta-dev/letta-dev/crash"
)

// errBodyIdle ends the reading of a body that does not come.
var errBodyIdle = errors.New("the body has not moved for too long")

// stallLooks is how often a bodyTimeout looks within its limit.
const stallLooks = 8

// A bodyTimeout is a body whose client may stop sending: it notices that somebody has waited for the next piece for a whole limit,
// and in all that time got none. A body that moves has no limit. One that the upstream does not take waits for nobody, and its
// client is not read from: whether that has left, its socket is asked. A bodyTimeout costs two counts for a piece, and a timer for
// the body.
type bodyTimeout struct {
	source
	asked func()       // where the upstream has taken nothing since the last look
	steps atomic.Int64 // of next: odd while it waits for the client

	mu      sync.Mutex
	timer   *time.Timer // nil until begin
	stopped bool
	seen    int64 // steps at the last look
	looks   int   // in which it waited for the same piece
}

func (s *bodyTimeout) next() ([]byte, error) {
	s.steps.Add(1)
	defer s.steps.Add(1)
	return s.source.next()
}

// beforeWait has f called, which writes to the upstream, and so does not wait for the client.
func (s *bodyTimeout) beforeWait(f func()) {
	s.source.beforeWait(func() {
		s.steps.Add(1)
		defer s.steps.Add(1)
		f()
	})
}

// begin has ended called, once, when the body has not moved for limit, unless stop was called before.
func (s *bodyTimeout) begin(limit time.Duration, ended func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.stopped {
		s.timer = time.AfterFunc(limit/stallLooks, func() { s.look(limit, ended) })
	}
}

func (s *bodyTimeout) look(limit time.Duration, ended func()) {
	defer crash.Recover()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopped {
		return
	}
	switch steps := s.steps.Load(); {
	case steps != s.seen:
		s.seen, s.looks = steps, 0
	case steps%2 == 0:
		s.asked()
	default:
		if s.looks++; s.looks == stallLooks {
			s.stopped = true
			ended()
			return
		}
	}
	s.timer.Reset(limit / stallLooks)
}

// fail is for a body that ends in an error. It calls ended: at once, or where stop was called before, after limit, unless stop is
// called again. It reports whether that is still to come.
func (s *bodyTimeout) fail(limit time.Duration, ended func()) (later bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopped {
		s.timer = time.AfterFunc(limit, func() {
			defer crash.Recover()
			ended()
		})
		return true
	}
	s.stopped = true
	ended()
	return false
}

func (s *bodyTimeout) stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stopped = true
	if s.timer != nil {
		s.timer.Stop()
	}
}
