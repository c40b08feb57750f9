package proxy

import (
	"io"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/letta-dev/letta-dev/crash"
	"github.com/letta-dev/letta-dev/proxy/http1"
)

// An unansweredError ends the wait for an answer of a server that has stopped answering at all.
type unansweredError struct{ state State }

func (e *unansweredError) Error() string { return "the server has stopped answering: " + e.state.Cause }

// A firstByte is the wait for an answer to begin on a connection to an upstream. One that lasts has the upstream doubted. Where
// that is then Unhealthy, the wait ends once the server has been silent for as long as a request is held: a request that reached it
// a moment too early fares as one that came a moment later. A server that answers others may take as long as it likes, and an
// answer that has begun is left alone. A wait costs the reset of a timer.
type firstByte struct {
	upstream *Upstream
	conn     io.Closer

	mu    sync.Mutex
	timer *time.Timer // nil before the first wait
	waits bool
	over  chan struct{} // closed when a wait ends that has lasted; nil while it has not
	cut   *State        // why the wait was ended
}

func (w *firstByte) begin(p *Proxy) {
	if w.upstream.Doubt == nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.waits = true
	if w.timer == nil {
		w.timer = time.AfterFunc(p.limits.doubt, func() { w.lasts(p.config.HoldFor) })
	} else {
		w.timer.Reset(p.limits.doubt)
	}
}

// end ends a wait, if there is one. It returns why it was ended before instead of err, which came of that.
func (w *firstByte) end(err error) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.waits {
		return err
	}
	w.waits = false
	w.timer.Stop()
	if w.over != nil {
		close(w.over)
		w.over = nil
	}
	if err != nil && w.cut != nil {
		return &unansweredError{*w.cut}
	}
	return err
}

// lasts goes with a wait from when it has lasted.
func (w *firstByte) lasts(hold time.Duration) {
	defer crash.Recover()
	over := make(chan struct{})
	w.mu.Lock()
	old := !w.waits || w.over != nil // the timer of a wait that has just ended
	if !old {
		w.over = over
	}
	w.mu.Unlock()
	if old {
		return
	}
	w.upstream.doubt()
	for {
		state, changed := w.upstream.state()
		var late <-chan time.Time
		if state.Phase == Unhealthy {
			late = time.After(hold - time.Since(state.Since))
		}
		select {
		case <-changed:
		case <-over:
			return
		case <-late:
			w.mu.Lock()
			defer w.mu.Unlock()
			if w.over == over {
				w.cut = &state
				_ = w.conn.Close()
			}
			return
		}
	}
}

// unanswered is the answer for a request whose wait was ended. One that may be repeated is answered as if it had been held; of
// another one nobody knows whether it was carried out.
func (x *exchange) unanswered(u *Upstream, state State) *answer {
	a := x.proxy.notReady(u, state)
	if x.request.repeatable() {
		return a
	}
	a.status = http.StatusGatewayTimeout // RFC 9110, section 15.6.5
	a.message += "; it had the request, and may have carried it out"
	a.fields = slices.DeleteFunc(a.fields, func(f http1.Field) bool { return f.Name == "Retry-After" })
	a.start = nil
	return a
}
