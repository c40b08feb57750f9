package proxy

import (
	"errors"
	"fmt"
	"net/http"
)

// forward asks a backend once it is ready, and explains its failure. A request
// that found nobody to connect to is whole still, and waits again if its upstream
// is starting over.
func (x *exchange) forward(b *backend) {
	for {
		changed, ready := x.awaitReady(b.Upstream)
		if !ready {
			return
		}
		x.access.Upstream = b.Name
		err := x.carry(b)
		if err == nil {
			return
		}
		if !x.startsOver(err, changed) {
			x.failed(b.Upstream, err)
			return
		}
	}
}

// failed answers for an upstream that gave no answer.
func (x *exchange) failed(u *Upstream, err error) {
	var unreached *dialError
	var silent *unansweredError
	clientErr := x.bodyErr.Load()
	switch {
	case x.proxy.cutting():
		x.because("cut at stop")
		x.broken = true
	case x.isCut():
		x.broken = true
	case errors.As(err, &unreached):
		x.respond(unreachable(u, unreached))
	case errors.As(err, &silent):
		x.respond(x.unanswered(u, silent.state))
	case clientErr != nil && errors.Is(*clientErr, errTooLarge):
		x.respond(tooLarge(x.proxy.table.MaxBody))
	case clientErr != nil && errors.Is(*clientErr, errStill):
		x.respond(&answer{
			status: http.StatusRequestTimeout, code: "body_stalled", // RFC 9110, section 15.5.9
			message: fmt.Sprintf("nothing of the request body has come for %s", x.proxy.limits.still),
			last:    true,
		})
	case clientErr != nil:
		a := malformed(http.StatusBadRequest, "the request body is malformed or incomplete")
		a.cause = fmt.Sprintf("reading the request body: %v", *clientErr)
		x.respond(a)
	default:
		x.respond(&answer{
			status: http.StatusBadGateway, code: "upstream_broken",
			message: fmt.Sprintf("%s took the request but gave no valid answer", u.Name),
			hint:    "letta-dev logs --tail 50",
			cause:   err.Error(),
		})
	}
}

func unreachable(u *Upstream, err error) *answer {
	state, _ := u.state()
	hint := state.Hint
	if hint == "" {
		hint = "letta-dev status"
	}
	status, code := http.StatusBadGateway, "upstream_unreachable"
	if isTimeout(err) {
		status, code = http.StatusGatewayTimeout, "upstream_timeout" // RFC 9110, section 15.6.5
	}
	return &answer{status: status, code: code, message: fmt.Sprintf("no connection to %s: %v", u.Name, err), hint: hint}
}

func (x *exchange) brokeOff(err error) {
	switch {
	case x.proxy.cutting():
		x.because("cut at stop")
	case x.isCut():
		x.because("the client left during the answer")
	case x.bodyErr.Load() != nil: // the upstream was cut off for it
		x.because(fmt.Sprintf("reading the request body: %v", *x.bodyErr.Load()))
	default:
		x.because(fmt.Sprintf("%s broke off its answer: %v", x.access.Upstream, err))
	}
}
