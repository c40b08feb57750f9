package proxy

import (
	"sync"
	"time"

	"github.com/letta-dev/letta-dev/crash"
)

// lookAfter is how long an answer may take before its client is watched: most come
// sooner, and watching costs a goroutine.
const lookAfter = 100 * time.Millisecond

// A disconnectWatch notices that a client leaves while nothing is read from its
// connection: an agent must not go on for a client that has given up. The zero
// value is ready, and used for one request after the other.
type disconnectWatch struct {
	mu    sync.Mutex
	conn  *conn     // watched, or to be watched; nil at rest
	x     *exchange // whose client it is
	timer *time.Timer
	end   func() // of the goroutine that reads ahead
}

// begin cuts the exchange when its client leaves before stop.
func (l *disconnectWatch) begin(c *conn, x *exchange) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.conn, l.x = c, x
	if l.timer == nil {
		l.timer = time.AfterFunc(lookAfter, l.look)
	} else {
		l.timer.Reset(lookAfter)
	}
}

func (l *disconnectWatch) look() {
	defer crash.Recover()
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.conn != nil && l.end == nil {
		l.end = l.conn.watch(l.x.readEnded)
	}
}

// stop returns when nothing reads from the connection any more.
func (l *disconnectWatch) stop() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.conn == nil {
		return
	}
	l.timer.Stop()
	if l.end != nil {
		l.end()
	}
	l.conn, l.x, l.end = nil, nil, nil
}
