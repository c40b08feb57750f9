package proxy

import (
	"context"
	"fmt"
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
//
// An upstream that nobody can doubt is asked here, from when a wait has lasted for limits.silent: see answersAnything.
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
	limit, lasts := p.limits.doubt, func() { w.lasts(p.config.HoldFor) }
	if w.upstream.Doubt == nil {
		limit, lasts = p.limits.silent, func() { w.isSilent(p.limits) }
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.waits = true
	if w.timer == nil {
		w.timer = time.AfterFunc(limit, lasts)
	} else {
		w.timer.Reset(limit)
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
	over := w.lasting()
	if over == nil {
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
			w.cutOff(over, state)
			return
		}
	}
}

// lasting returns what is closed when the wait ends that has lasted; nil where the timer was that of a wait that has just ended.
func (w *firstByte) lasting() chan struct{} {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.waits || w.over != nil {
		return nil
	}
	w.over = make(chan struct{})
	return w.over
}

// cutOff ends the wait that over belongs to, unless it has ended.
func (w *firstByte) cutOff(over chan struct{}, why State) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.over == over {
		w.cut = &why
		_ = w.conn.Close()
	}
}

// isSilent goes with a wait of limits.silent. It ends that where the upstream answers nothing else either, and else asks again after
// another such time.
func (w *firstByte) isSilent(limits limits) {
	defer crash.Recover()
	over := w.lasting()
	if over == nil {
		return
	}
	began := time.Now().Add(-limits.silent)
	tick := time.NewTicker(limits.silent)
	defer tick.Stop()
	for w.upstream.answersAnything(limits.answer) {
		select {
		case <-tick.C:
		case <-over:
			return
		}
	}
	state, _ := w.upstream.state()
	w.cutOff(over, State{
		Phase: Unhealthy, Since: began, Hint: state.Hint,
		Cause: fmt.Sprintf("for %v it has answered nothing, and then not HEAD / within %v", limits.silent, limits.answer),
	})
}

// answersAnything reports whether a server sends a byte, or ends the connection, in answer to a HEAD of its own connection. Only one
// that takes the connection and then keeps silent does not: what refuses it may still be at work on what it has taken before.
func (u *Upstream) answersAnything(limit time.Duration) bool {
	conn, err := u.dial(context.Background(), limit)
	if err != nil {
		return !isTimeout(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(limit))
	host := u.Name
	if len(u.Authorities) > 0 {
		host = u.Authorities[0]
	}
	if _, err = fmt.Fprintf(conn, "HEAD / HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n", host); err == nil {
		_, err = conn.Read(make([]byte, 1))
	}
	return !isTimeout(err)
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
