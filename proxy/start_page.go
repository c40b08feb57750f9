package proxy

import (
	"cmp"
	"fmt"
	"strconv"
	"time"

	"github.com/letta-dev/letta-dev/proxy/http1"
)

// startView is what the waiting page shows.
type startView struct {
	Heading string
	Cause   string // of a server that does not answer
	Stage   string
	Seconds int
	Last    time.Duration // of the last start; 0: not known
	Steps   []step
	Hint    string
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
	v := &startView{Heading: u.Name + " is starting", Stage: s.Stage, Last: s.LastStart, Hint: "letta-dev logs -f"}
	if !s.Since.IsZero() {
		v.Seconds = max(0, int(p.config.Now().Sub(s.Since).Seconds()))
	}
	if s.Phase == Unhealthy {
		v.Heading, v.Cause, v.Hint = u.Name+" does not answer", s.Cause, cmp.Or(s.Hint, v.Hint)
		v.Stage, v.Last = "", 0
		return v
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

// notReady is the answer for a server that starts, or that runs and does not answer.
func (p *Proxy) notReady(u *Upstream, s State) *answer {
	view := p.viewOf(u, s)
	a := &answer{
		status: 503, code: "upstream_starting",
		message: view.Heading,
		hint:    view.Hint,
		fields:  http1.Fields{{Name: "Retry-After", Value: strconv.Itoa(retryAfter)}},
		start:   view,
	}
	switch {
	case s.Phase == Unhealthy:
		a.code = "upstream_unhealthy"
		if s.Cause != "" {
			a.message += ": " + s.Cause
		}
	case s.Stage != "":
		a.message += fmt.Sprintf(" (stage %s, %d s)", s.Stage, view.Seconds)
	}
	return a
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
		fields:  http1.Fields{{Name: "Retry-After", Value: strconv.Itoa(retryAfter)}},
		last:    true,
	}
}
