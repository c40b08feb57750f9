package proxy

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
)

// An answer is what the proxy says itself. Its texts are ours or the
// orchestrator's: nothing a client sent is ever repeated in one.
type answer struct {
	status  int
	code    string // for programs: "host_unknown"
	message string // for people
	hint    string // what to type or do
	cause   string // for the access record; message if empty
	header  map[string]string
	start   *startView // the upstream is starting: browsers get the waiting page
}

// respond sends an answer: a page to browsers, the JSON envelope to programs.
func (x *exchange) respond(a *answer) {
	if a.cause == "" {
		a.cause = a.message
	}
	x.because(a.cause)
	h := x.Header()
	clear(h)
	x.proxy.allowReading(h, x.request)
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	for name, value := range a.header {
		h.Set(name, value)
	}
	body, contentType := x.proxy.render(a, wantsPage(x.request))
	h.Set("Content-Type", contentType)
	h.Set("Content-Length", strconv.Itoa(len(body)))
	if strings.HasPrefix(contentType, "text/html") {
		h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'")
	}
	x.WriteHeader(a.status)
	if x.request.Method != http.MethodHead {
		x.Write(body)
	}
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

// wantsPage reports whether a person looks at the answer. fetch() may ask for
// HTML too, but says that it is not navigating.
func wantsPage(r *http.Request) bool {
	if r.Method != http.MethodGet && r.Method != http.MethodHead || isUpgrade(r) {
		return false
	}
	mode := r.Header.Get("Sec-Fetch-Mode")
	return (mode == "" || mode == "navigate") &&
		strings.Contains(lower(strings.Join(r.Header["Accept"], ",")), "text/html")
}

// allowReading lets pages of allowed origins read an answer of ours. Without it a
// browser shows them an opaque network error instead of the reason.
func (p *Proxy) allowReading(h http.Header, r *http.Request) {
	h.Set("Vary", "Origin")
	if origin, _, ok := p.origins.of(r); ok {
		h.Set("Access-Control-Allow-Origin", origin)
		h.Set("Access-Control-Allow-Credentials", "true")
		h.Set("Access-Control-Expose-Headers", "Retry-After")
	}
}

func isPreflight(r *http.Request) bool {
	return r.Method == http.MethodOptions && r.Header.Get("Origin") != "" &&
		r.Header.Get("Access-Control-Request-Method") != ""
}

// answerPreflight answers for an upstream that is not there yet, so that the
// request itself can be held and its answer be read.
func (x *exchange) answerPreflight() {
	if _, _, ok := x.proxy.origins.of(x.request); !ok {
		x.respond(refusedOrigin())
		return
	}
	h := x.Header()
	x.proxy.allowReading(h, x.request)
	h.Set("Access-Control-Allow-Methods", "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS")
	if names := x.request.Header["Access-Control-Request-Headers"]; len(names) == 1 && isTokenList(names[0]) {
		h.Set("Access-Control-Allow-Headers", names[0])
	}
	h.Set("Vary", "Origin, Access-Control-Request-Headers")
	x.because("preflight answered while the upstream is not ready")
	x.WriteHeader(http.StatusNoContent)
}

// isTokenList reports whether s is a list of field names, and so safe to repeat
// in a header field.
func isTokenList(s string) bool {
	for _, c := range []byte(s) {
		if c <= ' ' && c != ' ' || c >= 0x7f || strings.IndexByte("\"(){}/:;<=>?@[\\]", c) >= 0 {
			return false
		}
	}
	return true
}
