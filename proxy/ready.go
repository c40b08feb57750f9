package proxy

import (
	"errors"
	"fmt"
	"strconv"
	"time"
)

// awaitReady returns true when the upstream may be asked. Else it has answered:
// browsers at once with a page that reloads itself, programs after Config.HoldFor.
// The request's body stays unread while it is held. changed is closed when the
// upstream is not as it was any more; nil if that cannot be known.
func (x *exchange) awaitReady(u *Upstream) (changed <-chan struct{}, ready bool) {
	p := x.proxy
	var expired <-chan time.Time // these two are set when the hold begins
	var gone <-chan struct{}
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
		if expired == nil {
			timer := time.NewTimer(p.config.HoldFor)
			defer timer.Stop()
			expired = timer.C
			var release func()
			gone, release = x.watchClient()
			defer release()
		}
		select {
		case <-changed:
		case <-expired:
			x.respond(p.starting(u, state))
			return nil, false
		case <-p.stopping.Done():
			x.respond(stopping())
			return nil, false
		case <-gone:
			x.abort()
		case <-x.request.Context().Done():
			x.abort()
		}
	}
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

// startView is what the waiting page shows.
type startView struct {
	Upstream string
	Stage    string
	Seconds  int
	Steps    []step
}

type step struct{ Name, State string }

// stages are the ones of the Letta image, in their order (its startup.sh).
func stages() []struct{ stage, name string } {
	return []struct{ stage, name string }{
		{"postgres", "Database"},
		{"migrate", "Migrations"},
		{"server", "Server"},
	}
}

func (p *Proxy) viewOf(u *Upstream, s State) *startView {
	v := &startView{Upstream: u.Name, Stage: s.Stage}
	if !s.Since.IsZero() {
		v.Seconds = max(0, int(p.config.Now().Sub(s.Since).Seconds()))
	}
	reached := -1
	for i, known := range stages() {
		if known.stage == s.Stage {
			reached = i
		}
	}
	for i, known := range stages() {
		state := "waiting"
		if i < reached {
			state = "done"
		} else if i == reached {
			state = "running"
		}
		v.Steps = append(v.Steps, step{known.name, state})
	}
	return v
}

func (p *Proxy) starting(u *Upstream, s State) *answer {
	view := p.viewOf(u, s)
	message := fmt.Sprintf("%s is starting", u.Name)
	if s.Stage != "" {
		message += fmt.Sprintf(" (stage %s, %d s)", s.Stage, view.Seconds)
	}
	return &answer{
		status: 503, code: "upstream_starting",
		message: message,
		hint:    "letta-dev logs -f",
		header:  map[string]string{"Retry-After": strconv.Itoa(retryAfter)},
		start:   view,
	}
}

// retryAfter, in seconds: a start takes between 5 and 60.
const retryAfter = 2

func down(u *Upstream, s State) *answer {
	message := fmt.Sprintf("%s is not running", u.Name)
	if s.Cause != "" {
		message += ": " + s.Cause
	}
	hint := s.Hint
	if hint == "" {
		hint = "letta-dev up"
	}
	return &answer{status: 502, code: "upstream_down", message: message, hint: hint}
}

func stopping() *answer {
	return &answer{
		status: 503, code: "proxy_stopping",
		message: "the proxy is stopping",
		hint:    "letta-dev up",
		header:  map[string]string{"Connection": "close", "Retry-After": strconv.Itoa(retryAfter)},
	}
}
