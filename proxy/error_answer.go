package proxy

import (
	"bytes"
	"encoding/json"
	"strings"

	"github.com/letta-dev/letta-dev/proxy/http1"
)

// An answer is what the proxy says itself. Its texts are ours or the
// orchestrator's: nothing a client sent is ever repeated in one.
type answer struct {
	status  int
	code    string // for programs: "host_unknown"
	message string // for people
	hint    string // what to type or do
	cause   string // for the access record; message if empty
	fields  http1.Fields
	last    bool       // the connection ends behind it
	start   *startView // the upstream is starting: browsers get the waiting page
}

// sendError sends an answer: a page to browsers, the JSON envelope to programs.
func (x *exchange) sendError(a *answer) {
	if a.cause == "" {
		a.cause = a.message
	}
	x.setCause(a.cause)
	a.hint = x.proxy.config.AsTyped(a.hint)
	if a.last && x.conn != nil {
		x.conn.last = true
	}
	if !safe(x.request.Method) {
		a.start = nil // the waiting page asks again, which would send a form again
	}
	body, contentType := x.proxy.render(a, x.request.wantsPage())
	fields := x.proxy.allowReading(x.request)
	fields = append(fields,
		http1.Field{Name: "Cache-Control", Value: "no-store"},
		http1.Field{Name: "X-Content-Type-Options", Value: "nosniff"},
		http1.Field{Name: "Content-Type", Value: contentType})
	if strings.HasPrefix(contentType, "text/html") {
		csp := "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'self'" // a form in a frame gets its page there
		if a.start != nil {
			csp += waitingPolicy()
		}
		fields = append(fields, http1.Field{Name: "Content-Security-Policy", Value: csp})
	}
	x.write(a.status, append(fields, a.fields...), body)
}

func (p *Proxy) render(a *answer, page bool) (body []byte, contentType string) {
	switch {
	case !page:
		var b bytes.Buffer
		json.NewEncoder(&b).Encode(envelope{errorBody{a.code, a.message, a.hint}})
		return b.Bytes(), "application/json"
	case a.start != nil:
		return []byte(waitingPage(a)), "text/html; charset=utf-8"
	}
	return []byte(answerPage(a)), "text/html; charset=utf-8"
}

type envelope struct {
	Error errorBody `json:"error"`
}

type errorBody struct {
	Code    string `json:"code"`
	Message string `json:"message"`
	Hint    string `json:"hint,omitempty"`
}
