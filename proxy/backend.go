package proxy

import (
	"context"
	"net"
	"slices"
	"sync"
	"time"

	"github.com/letta-dev/letta-dev/crash"
	"github.com/letta-dev/letta-dev/proxy/http1"
)

const (
	// maxIdle bounds the connections kept for later, per upstream.
	maxIdle = 64
	// maxRest is how long one is kept. An attached Letta closes its own after 5 s
	// (uvicorn): none of ours may be used again at that moment.
	maxRest = 3 * time.Second
)

// A backend is an upstream with the connections kept to it.
type backend struct {
	*Upstream
	buffers *http1.Pool
	calls   *sync.Pool // for quick

	mu     sync.Mutex
	idle   []*upstreamConn // the one used last is the last
	closed bool
	sweep  *time.Timer // runs while idle is not empty
}

// An upstreamConn is a connection to an upstream, of one exchange at a time.
type upstreamConn struct {
	net.Conn
	in     *http1.Reader
	out    *http1.Writer
	answer http1.Response // used again and again
	fields http1.Fields   // of the request, likewise
	passed http1.Response // the answer to the client, likewise
	used   bool           // for an exchange before this one
	first  firstByte
	since  time.Time // when it came to rest
	liveness
}

// newBackend returns nil for a nil Upstream.
func (p *Proxy) newBackend(u *Upstream) *backend {
	if u == nil {
		return nil
	}
	return &backend{Upstream: u, buffers: p.buffers, calls: &p.calls}
}

// connect returns a connection at rest that the server has not ended, or a new one.
func (b *backend) connect(ctx context.Context) (*upstreamConn, error) {
	for {
		up := b.take()
		if up == nil {
			return b.open(ctx, dialTimeout)
		}
		if up.alive() {
			return up, nil
		}
		up.Close()
	}
}

// open makes a new connection; a failure is a *dialError.
func (b *backend) open(ctx context.Context, limit time.Duration) (*upstreamConn, error) {
	conn, err := b.dial(ctx, limit)
	if err != nil {
		return nil, err
	}
	conn = quick(conn, b.calls)
	up := &upstreamConn{Conn: conn, in: http1.NewReader(conn, b.buffers), out: http1.NewWriter(conn, b.buffers)}
	up.first.upstream, up.first.conn = b.Upstream, conn
	up.watch(conn)
	return up, nil
}

func (b *backend) take() *upstreamConn {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.idle) == 0 {
		return nil
	}
	up := b.idle[len(b.idle)-1]
	b.idle = b.idle[:len(b.idle)-1]
	if time.Since(up.since) > maxRest { // and so are all before it; the sweep closes them
		b.idle = append(b.idle, up)
		return nil
	}
	return up
}

// keep puts a connection to rest, whose last answer was whole and left nothing
// behind. Where nobody can tell whether that stays so, it is closed: what came late
// would be the answer to somebody else.
func (b *backend) keep(up *upstreamConn) {
	if !up.canTell() {
		up.Close()
		return
	}
	up.in.Before = nil
	for _, fields := range []http1.Fields{up.fields, up.passed.Fields, up.answer.Fields} {
		clear(fields) // they hold the head that they are cut from
	}
	up.in.Release()
	up.used, up.since = true, time.Now()
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed || len(b.idle) == maxIdle {
		up.Close()
		return
	}
	b.idle = append(b.idle, up)
	if b.sweep == nil {
		b.sweep = time.AfterFunc(maxRest, b.sweepIdle)
	}
}

// sweepIdle closes what has rested too long, and comes again while something is left.
func (b *backend) sweepIdle() {
	defer crash.Recover()
	b.mu.Lock()
	defer b.mu.Unlock()
	b.sweep = nil
	n := 0
	for n < len(b.idle) && time.Since(b.idle[n].since) >= maxRest {
		b.idle[n].Close()
		n++
	}
	b.idle = slices.Delete(b.idle, 0, n)
	if len(b.idle) > 0 && !b.closed {
		b.sweep = time.AfterFunc(max(maxRest-time.Since(b.idle[0].since), time.Millisecond), b.sweepIdle)
	}
}

// close closes what is at rest, now and later.
func (b *backend) close() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.closed = true
	if b.sweep != nil {
		b.sweep.Stop()
	}
	for _, up := range b.idle {
		up.Close()
	}
	b.idle = nil
}
