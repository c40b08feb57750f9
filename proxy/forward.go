package proxy

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"syscall"
	"unicode"
	"unicode/utf8"

	"github.com/letta-dev/letta-dev/proxy/http1"
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
		err := x.roundTrip(b)
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
		x.setCause("cut at stop")
		x.broken = true
	case x.isCut():
		x.broken = true
	case errors.As(err, &unreached):
		x.sendError(unreachable(u, unreached))
	case errors.As(err, &silent):
		x.sendError(x.unanswered(u, silent.state))
	case clientErr != nil && errors.Is(*clientErr, errTooLarge):
		x.sendError(tooLarge(x.proxy.table.MaxBody))
	case clientErr != nil && errors.Is(*clientErr, errBodyIdle):
		x.sendError(&answer{
			status: http.StatusRequestTimeout, code: "body_stalled", // RFC 9110, section 15.5.9
			message: fmt.Sprintf("nothing of the request body has come for %s", x.proxy.limits.bodyIdle),
			last:    true,
		})
	case clientErr != nil:
		a := malformed(http.StatusBadRequest, "the request body is incomplete")
		if broken := (*http1.Error)(nil); errors.As(*clientErr, &broken) {
			a.message = "the request body is malformed: " + broken.Reason
		}
		a.cause = fmt.Sprintf("reading the request body: %v", *clientErr)
		x.sendError(a)
	default:
		x.sendError(&answer{
			status: http.StatusBadGateway, code: "upstream_broken",
			message: fmt.Sprintf("%s took the request but gave no valid answer: %s", u.Name, plain(err)),
			hint:    "letta-dev logs --tail 50",
			cause:   plain(err),
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
	return &answer{status: status, code: code, message: fmt.Sprintf("no connection to %s: %s", u.Name, plain(err)), hint: hint}
}

// plain is an error for people: of one of the network the cause, without the addresses, of which one is another each time. What a certificate says of an upstream, or an engine, may hold what a terminal obeys.
func plain(err error) string {
	text := err.Error()
	var op *net.OpError
	switch {
	case errors.Is(err, syscall.EPIPE):
		text = "it closed the connection"
	case isReset(err):
		text = "it reset the connection"
	case errors.As(err, &op) && !op.Timeout():
		text = strings.Replace(text, op.Error(), op.Err.Error(), 1)
	}
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return utf8.RuneError
	}, text)
}

func (x *exchange) brokeOff(err error) {
	switch {
	case x.proxy.cutting():
		x.setCause("cut at stop")
	case x.isCut():
		x.setCause(x.whyLeft("during"))
	case x.bodyErr.Load() != nil: // the upstream was cut off for it
		x.setCause(fmt.Sprintf("reading the request body: %v", *x.bodyErr.Load()))
	default:
		x.setCause(fmt.Sprintf("%s broke off its answer: %s", x.access.Upstream, plain(err)))
	}
}
