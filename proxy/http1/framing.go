package http1

import (
	"net/http"
	"strings"
)

// Framing says where a body ends (RFC 9112, section 6.3).
type Framing struct {
	Kind   Kind
	Length int64 // of a Sized body, in bytes
}

// Kind is the way in which the end of a body is told.
type Kind uint8

// The kinds of framing.
const (
	Empty   Kind = iota // there is no body, and no field that says so
	Sized               // Content-Length
	Chunked             // Transfer-Encoding: chunked
	ToEnd               // the body of an answer that ends with the connection
)

// framing, of the fields of any message, follows RFC 9112, section 6.3, and refuses
// wherever another parser could find another end.
func framing(minor int, fields Fields) (Framing, error) {
	codings, lengths := fields.Count("Transfer-Encoding"), fields.Count("Content-Length")
	switch {
	case codings > 0 && lengths > 0:
		return Framing{}, bad("Content-Length and Transfer-Encoding in one message")
	case codings > 0 && minor == 0:
		return Framing{}, bad("Transfer-Encoding in HTTP/1.0")
	case codings > 0 && !onlyChunked(fields):
		return Framing{}, &Error{http.StatusNotImplemented, "a transfer coding other than chunked"}
	case codings > 0:
		return Framing{Kind: Chunked}, nil
	case lengths > 0:
		return sized(fields)
	}
	return Framing{}, nil
}

// responseFraming is how the answer to a method ends, whose fields promise
// something.
func responseFraming(method string, status int, promised Framing) Framing {
	switch {
	case status < 200 || status == http.StatusNoContent || status == http.StatusNotModified || method == http.MethodHead:
		return Framing{} // RFC 9110, section 6.4.1
	case promised.Kind == Empty:
		return Framing{Kind: ToEnd}
	}
	return promised
}

func onlyChunked(fields Fields) bool {
	return fields.Count("Transfer-Encoding") == 1 && equalFold(fields.Get("Transfer-Encoding"), "chunked")
}

func sized(fields Fields) (Framing, error) {
	if fields.Count("Content-Length") > 1 {
		return Framing{}, bad("two Content-Length fields")
	}
	n, ok := parseLength(fields.Get("Content-Length"))
	switch {
	case !ok && isNumber(fields.Get("Content-Length")):
		return Framing{}, bad("a Content-Length of more than 18 digits")
	case !ok:
		return Framing{}, bad("a Content-Length that is no number")
	}
	return Framing{Sized, n}, nil
}

func isNumber(s string) bool {
	return s != "" && strings.Trim(s, "0123456789") == ""
}

// parseLength reads digits, and no sign, blank or list.
func parseLength(s string) (int64, bool) {
	if s == "" || len(s) > 18 { // 18 digits always fit
		return 0, false
	}
	var n int64
	for i := range len(s) {
		if !isDigit(s[i]) {
			return 0, false
		}
		n = n*10 + int64(s[i]-'0')
	}
	return n, true
}
