package proxy

import (
	"iter"
	"net/http"

	"github.com/letta-dev/letta-dev/proxy/http1"
)

// allowReading lets pages of allowed origins read an answer of ours. Without it a
// browser shows them an opaque network error instead of the reason.
func (p *Proxy) allowReading(r *request) http1.Fields {
	fields := http1.Fields{{Name: "Vary", Value: "Origin"}}
	if origin, _, ok := p.origins.of(r); ok {
		fields = append(allow(fields, origin), http1.Field{Name: "Access-Control-Expose-Headers", Value: "Retry-After"})
	}
	return fields
}

// answerFor gives any answer the CORS fields for the origins of the policy, in the place of the upstream's: two of them are
// as good as none to a browser (Fetch standard, section 3.2.5). Which fields a page may see stays the upstream's choice.
func (p *Proxy) answerFor(r *request, fields http1.Fields) http1.Fields {
	if len(p.cors.foreign) == 0 {
		return fields
	}
	if origin, ok := p.cors.lists(r); ok {
		fields = allow(fields, origin)
	}
	return vary(fields, "Origin") // for a cache, answers without are others
}

func allow(fields http1.Fields, origin string) http1.Fields {
	fields.Set("Access-Control-Allow-Origin", origin)
	fields.Set("Access-Control-Allow-Credentials", "true")
	return fields
}

// lists returns the Origin of a request if it was configured.
func (o origins) lists(r *request) (origin string, ok bool) {
	if r.Fields.Count("Origin") != 1 {
		return "", false
	}
	origin = r.Fields.Get("Origin")
	normal, _, ok := normalOrigin(origin)
	return origin, ok && o.foreign[normal]
}

// preflight answers the preflight of an origin of the policy, and returns false for any other request.
func (x *exchange) preflight() bool {
	if len(x.proxy.cors.foreign) == 0 || !x.request.isPreflight() {
		return false
	}
	if _, ok := x.proxy.cors.lists(x.request); !ok {
		return false
	}
	x.allowRequest("preflight answered for the upstream", http1.Field{Name: "Access-Control-Max-Age", Value: "600"})
	return true
}

// answerPreflight answers for an upstream that is not there yet, so that the
// request itself can be held and its answer be read.
func (x *exchange) answerPreflight() {
	if _, _, ok := x.proxy.origins.of(x.request); !ok {
		x.sendError(refusedOrigin(x.request))
		return
	}
	x.allowRequest("preflight answered while the upstream is not ready")
}

// allowRequest is the answer to a preflight that grants what is asked for.
func (x *exchange) allowRequest(cause string, more ...http1.Field) {
	const names, private = "Access-Control-Request-Headers", "Access-Control-Request-Private-Network"
	asked := x.request.Fields
	fields := x.proxy.allowReading(x.request)
	fields = append(fields, http1.Field{Name: "Access-Control-Allow-Methods", Value: allowed})
	if list := asked.Get(names); list != "" && asked.Count(names) == 1 && areTokens(asked.Tokens(names)) {
		fields = append(fields, http1.Field{Name: "Access-Control-Allow-Headers", Value: list})
	}
	if asked.Get(private) == "true" { // https://wicg.github.io/private-network-access/
		fields = append(fields, http1.Field{Name: "Access-Control-Allow-Private-Network", Value: "true"})
	}
	fields.Set("Vary", "Origin, "+names)
	x.setCause(cause)
	x.write(http.StatusNoContent, append(fields, more...), nil)
}

// areTokens reports whether these can be names of fields, and so are safe to repeat.
func areTokens(list iter.Seq[string]) bool {
	for name := range list {
		if !http1.IsToken(name) {
			return false
		}
	}
	return true
}
