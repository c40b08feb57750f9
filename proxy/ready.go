package proxy

import (
	"context"
	"errors"
	"time"
)

// awaitReady returns true when the upstream may be asked. Else it has answered:
// browsers at once with a page that reloads itself, programs after Config.HoldFor.
// The request's body stays unread while it is held. changed is closed when the
// upstream is not as it was any more; nil if that cannot be known.
func (x *exchange) awaitReady(u *Upstream) (changed <-chan struct{}, ready bool) {
	p := x.proxy
	var timer *time.Timer // from when the hold begins
	for {
		state, changed := u.state()
		switch {
		case state.Phase == Ready:
			return changed, true
		case x.request.isPreflight():
			x.answerPreflight()
			return nil, false
		case state.Phase == Down:
			x.sendError(down(u, state))
			return nil, false
		case safe(x.request.Method) && x.request.wantsPage():
			x.sendError(p.notReady(u, state))
			return nil, false
		}
		if timer == nil {
			timer = time.NewTimer(p.config.HoldFor)
			defer timer.Stop()
		}
		switch x.hold(changed, timer.C) {
		case heldTooLong:
			x.sendError(p.notReady(u, state))
			return nil, false
		case heldUntilStop:
			x.sendError(stopping())
			return nil, false
		case clientLeft:
			x.broken = true
			return nil, false
		}
	}
}

type held int

const (
	stateChanged held = iota
	heldTooLong
	heldUntilStop
	clientLeft
)

// hold waits for one of the ends of a hold. An agent must not get a message whose
// sender has given up, and perhaps sent it again: the client is watched.
func (x *exchange) hold(changed <-chan struct{}, expired <-chan time.Time) held {
	ctx, cancel := context.WithCancel(x.base())
	defer cancel()
	x.setCloser(closer(cancel))
	defer x.setCloser(nil)
	x.watch()
	defer x.unwatch()
	select {
	case <-changed:
		return stateChanged
	case <-expired:
		return heldTooLong
	case <-x.proxy.stopping.Done():
		return heldUntilStop
	case <-ctx.Done():
		return clientLeft
	}
}

// startsOver reports whether a connection failed because its upstream is not as it
// was. The failure may be the first sign of that: it waits a moment for the
// orchestrator to notice.
func (x *exchange) startsOver(err error, changed <-chan struct{}) bool {
	var unreached *dialError
	if changed == nil || !errors.As(err, &unreached) {
		return false
	}
	timer := time.NewTimer(x.proxy.limits.stateLag)
	defer timer.Stop()
	select {
	case <-changed:
		return true
	case <-timer.C:
	}
	return false
}
