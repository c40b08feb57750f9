package proxy

import (
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
		case isPreflight(x.request):
			x.answerPreflight()
			return nil, false
		case state.Phase == Down:
			x.respond(down(u, state))
			return nil, false
		case wantsPage(x.request):
			x.respond(p.starting(u, state))
			return nil, false
		}
		if timer == nil {
			timer = time.NewTimer(p.config.HoldFor)
			defer timer.Stop()
		}
		switch x.hold(changed, timer.C) {
		case heldTooLong:
			x.respond(p.starting(u, state))
			return nil, false
		case heldUntilStop:
			x.respond(stopping())
			return nil, false
		case clientLeft:
			x.abort()
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

// hold waits for one of the ends of a hold.
func (x *exchange) hold(changed <-chan struct{}, expired <-chan time.Time) held {
	gone, release := x.watchClient()
	defer release()
	select {
	case <-changed:
		return stateChanged
	case <-expired:
		return heldTooLong
	case <-x.proxy.stopping.Done():
		return heldUntilStop
	case <-gone:
	case <-x.request.Context().Done():
	}
	return clientLeft
}

// watchClient notices the client of a held request leaving: an agent must not
// get a message whose sender has given up, and perhaps sent it again. The context
// tells for HTTP/2 and for requests without a body.
func (x *exchange) watchClient() (gone <-chan struct{}, release func()) {
	if _, body := x.request.Body.(*requestBody); !body || x.request.ProtoMajor != 1 {
		return nil, func() {}
	}
	return connOf(x.request.Context()).watch()
}

// startsOver reports whether a connection failed because its upstream is not as it
// was. The failure may be the first sign of that: it waits a moment for the
// orchestrator to notice.
func (x *exchange) startsOver(err error, changed <-chan struct{}) bool {
	var unreached *dialError
	if changed == nil || !errors.As(err, &unreached) {
		return false
	}
	timer := time.NewTimer(x.proxy.limits.notice)
	defer timer.Stop()
	select {
	case <-changed:
		return true
	case <-timer.C:
	case <-x.request.Context().Done():
	}
	return false
}
