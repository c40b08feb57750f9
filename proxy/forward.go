package proxy

import (
	"errors"
	"fmt"
	"io"
	"net/http"
)

// forwarder carries one request to an upstream and its answer back to w. It
// returns an error while w is untouched; when the answer breaks off later it
// panics with http.ErrAbortHandler, so that the client sees it.
type forwarder interface {
	forward(w http.ResponseWriter, r *http.Request) error
	close()
}

// forward asks a backend once it is ready, and explains its failure. A request
// that found nobody to connect to is whole still, and waits again if its upstream
// is starting over.
func (x *exchange) forward(b *backend) {
	// Else net/http reads on before it answers, and a client that waits for the
	// answer before it sends the rest waits for ever.
	http.NewResponseController(x.ResponseWriter).EnableFullDuplex()
	for {
		changed, ready := x.awaitReady(b.Upstream)
		if !ready {
			return
		}
		x.access.Upstream = b.Name
		err := b.forwarder.forward(x, x.request)
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
	clientErr := x.bodyErr.Load()
	switch {
	case x.proxy.base.Err() != nil:
		x.because("cut at stop")
		x.abort()
	case x.request.Context().Err() != nil:
		x.abort()
	case errors.As(err, &unreached):
		x.respond(unreachable(u, unreached))
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
	return &answer{
		status: http.StatusBadGateway, code: "upstream_unreachable",
		message: fmt.Sprintf("no connection to %s: %v", u.Name, err),
		hint:    hint,
	}
}

// responseBody notes why an answer broke off.
type responseBody struct {
	io.ReadCloser
	x *exchange
}

func (b *responseBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err != nil && err != io.EOF {
		b.x.brokeOff(err)
	}
	return n, err
}

func (x *exchange) brokeOff(err error) {
	switch {
	case x.proxy.base.Err() != nil:
		x.because("cut at stop")
	case x.request.Context().Err() != nil:
		x.because("the client left during the answer")
	default:
		x.because(fmt.Sprintf("%s broke off its answer: %v", x.access.Upstream, err))
	}
}
