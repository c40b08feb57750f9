package proxy

import (
	"sync"
	"time"
)

// lookAfter is how long an answer may take before its client is watched: most come
// sooner, and watching costs a goroutine.
const lookAfter = 100 * time.Millisecond

// A lookout notices that a client leaves while nothing is read from its
// connection: an agent must not go on for a client that has given up. The zero
// value is ready, and used for one request after the other.
type lookout struct {
	mu    sync.Mutex
	conn  *conn // watched, or to be watched; nil at rest
	left  func()
	timer *time.Timer
	end   func() // of the goroutine that reads ahead
}

// begin has left called, once, when the client leaves before stop.
func (l *lookout) begin(c *conn, left func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.conn, l.left = c, left
	if l.timer == nil {
		l.timer = time.AfterFunc(lookAfter, l.look)
	} else {
		l.timer.Reset(lookAfter)
	}
}

func (l *lookout) look() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.conn != nil && l.end == nil {
		l.end = l.conn.watch(l.left)
	}
}

// stop returns when nothing reads from the connection any more.
func (l *lookout) stop() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.conn == nil {
		return
	}
	l.timer.Stop()
	if l.end != nil {
		l.end()
	}
	l.conn, l.left, l.end = nil, nil, nil
}
