package proxy

import (
	"errors"
	"net/http"
	"strconv"
)

// isForUs reports whether an OPTIONS is about the proxy, not about what it serves:
// because it names the server as a whole, or may go no further (RFC 9110, section
// 7.6.2).
func (r *request) isForUs() bool {
	if r.Method != http.MethodOptions {
		return false
	}
	n, ok := r.forwards()
	return r.Path == "*" || ok && n == 0
}

// forwards is how often a request may be forwarded still: of a number that is too large, the largest that is not. It returns
// false for one that does not say so, or says it twice.
func (r *request) forwards() (n uint64, ok bool) {
	n, err := strconv.ParseUint(r.Fields.Get("Max-Forwards"), 10, 63)
	return n, r.Fields.Count("Max-Forwards") == 1 && (err == nil || errors.Is(err, strconv.ErrRange))
}

// miscounts reports whether the next one could count otherwise than we do.
func (r *request) miscounts() bool {
	if r.Method != http.MethodOptions || r.Fields.Count("Max-Forwards") == 0 {
		return false
	}
	_, ok := r.forwards()
	return !ok
}

// fewerForwards is what is left of Max-Forwards for the next one. Other methods than OPTIONS are not ours to count.
func (r *request) fewerForwards(value string) string {
	if r.Method != http.MethodOptions {
		return value
	}
	n, _ := r.forwards() // neither 0, which is for us, nor malformed
	return strconv.FormatUint(n-1, 10)
}
