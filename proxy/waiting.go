package proxy

import (
	"fmt"
	"strconv"
	"time"

	"github.com/letta-dev/letta-dev/proxy/http1"
)

// startView is what the waiting page shows.
type startView struct {
	Upstream string
	Stage    string
	Seconds  int
	Last     time.Duration // of the last start; 0: not known
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
	v := &startView{Upstream: u.Name, Stage: s.Stage, Last: s.LastStart}
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
		fields:  http1.Fields{{Name: "Retry-After", Value: strconv.Itoa(retryAfter)}},
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
		fields:  http1.Fields{{Name: "Retry-After", Value: strconv.Itoa(retryAfter)}},
		last:    true,
	}
}
