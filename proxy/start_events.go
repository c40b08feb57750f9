package proxy

import (
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/letta-dev/letta-dev/proxy/http1"
)

// startPath is where the waiting page learns how the start goes on (RFC 8615 keeps
// such paths from meaning anything else).
const startPath = "/.well-known/letta-dev/start"

// tellStart streams each stage of a start, why a server does not answer, and the end of the wait, as server-sent events.
func (x *exchange) tellStart() {
	head := &http1.Response{
		Status: http.StatusOK, Reason: http.StatusText(http.StatusOK), Framing: http1.Framing{Kind: http1.ToEnd},
		Fields: http1.Fields{{Name: "Content-Type", Value: "text/event-stream"}, {Name: "Cache-Control", Value: "no-store"}},
	}
	if x.begin(head) != nil {
		return
	}
	for x.tellState() {
	}
	if !x.broken {
		_ = x.end(nil) // wrote has noted it
	}
}

// tellState sends one event and waits until there is another to send. It returns
// false behind the last.
func (x *exchange) tellState() (more bool) {
	upstream := x.proxy.rest.Upstream
	state, changed := upstream.state()
	if state.Phase != Starting && state.Phase != Unhealthy {
		_ = x.piece([]byte("event: over\ndata: " + state.Phase.String() + "\n\n"))
		return false
	}
	view := x.proxy.viewOf(upstream, state)
	data, _ := json.Marshal(struct { // strings and numbers always have a form
		Heading string `json:"heading"`
		Cause   string `json:"cause"`
		Stage   string `json:"stage"`
		Seconds int    `json:"seconds"`
		Last    string `json:"last"`
		Steps   string `json:"steps"`
		Hint    string `json:"hint"`
	}{view.Heading, view.Cause, view.stageText(), view.Seconds, view.lastText(), view.stepsHTML(), x.proxy.config.AsTyped(view.Hint)})
	if x.piece(fmt.Appendf(nil, "event: stage\ndata: %s\n\n", data)) != nil {
		return false
	}
	x.flush()
	switch x.hold(changed, nil) {
	case stateChanged:
		return true
	case clientLeft:
		x.broken = true
	}
	return false
}
