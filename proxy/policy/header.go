package policy

import (
	"cmp"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/letta-dev/letta-dev/proxy/http1"
)

// A Header is a field that is set, in the place of all others of that name; one without a value is removed.
type Header struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

const headerExample = "write NAME: VALUE, such as X-Frame-Options: DENY"

// ParseHeader reads "Name: value". An empty value removes the field.
func ParseHeader(s string) (Header, error) {
	name, value, ok := strings.Cut(s, ":")
	if !ok {
		first, _, _ := strings.Cut(strings.TrimSpace(s), " ") // what follows may be a secret
		return Header{}, wrong("headers", headerExample, "%q is not a header field: it has no colon", first)
	}
	h := Header{strings.TrimSpace(name), strings.Trim(value, " \t")}
	return h, h.check("headers")
}

func (h Header) check(setting string) error {
	if err := CheckHeaderName(h.Name); err != nil {
		return wrong(setting, headerExample, "%w", err)
	}
	if err := CheckHeaderValue(h.Value); err != nil {
		return wrong(setting, headerExample, "%s: %w", h.Name, err)
	}
	return nil
}

// CheckHeaderName tells what is wrong with the name of a field to set. Those are refused on which depends where a message ends,
// which connection it takes, or what the proxy itself tells a server.
func CheckHeaderName(name string) error {
	if !http1.IsToken(name) {
		return fmt.Errorf("%q is not the name of a header field", name)
	}
	if reason := notToBeSet(Spelling(name)); reason != "" {
		return fmt.Errorf("the header field %s cannot be set: %s", name, reason)
	}
	return nil
}

// maxHeaderValue, in bytes: what most servers accept in one line.
const maxHeaderValue = 4096

// CheckHeaderValue tells what is wrong with a value, which may be a secret and is not repeated: RFC 9110, section 5.5.
func CheckHeaderValue(value string) error {
	for _, c := range []byte(value) {
		if c < ' ' && c != '\t' || c == 0x7f {
			return errors.New("the header value has a control character")
		}
	}
	if len(value) > maxHeaderValue {
		return fmt.Errorf("a header value of %d bytes; the most is %d", len(value), maxHeaderValue)
	}
	if strings.Trim(value, " \t") != value {
		return errors.New("the header value begins or ends with a blank")
	}
	return nil
}

// notToBeSet is why a field, by its Spelling, cannot be one that is set in every request or answer; empty for one that can.
func notToBeSet(name string) string {
	switch name {
	case "x-forwarded-for", "x-forwarded-proto", "x-forwarded-host", "x-forwarded-port", "x-forwarded-prefix":
		return "it tells the server about the client, and the proxy writes it from what it knows"
	case "forwarded":
		return "it would contradict X-Forwarded-For and its like, which the proxy writes from what it knows"
	case "via":
		return "it names the proxies on the way, and by it the proxy notices that it asks itself"
	case "host":
		return "by it the proxy decides what is served, and it goes on as the client sent it"
	case "connection", "keep-alive", "proxy-connection", "te", "transfer-encoding", "upgrade", "http2-settings":
		return "it belongs to one connection, and there is one on each side of the proxy"
	case "proxy-authenticate", "proxy-authorization":
		return "it is for the proxy next to the client, and goes no further"
	case "content-length", "content-encoding", "content-range", "trailer":
		return "it describes the body, so it is for the sender of the body to say"
	case "expect":
		return "it asks for a word before the body, so it is for the sender of the body to say"
	case "date":
		return "it is the time of one message, and all would have the same"
	}
	if strings.HasPrefix(name, "sec-websocket-") {
		return "it is a part of the WebSocket handshake, which client and server agree on"
	}
	return ""
}

func (r *Rules) checkHeaders() error {
	if err := cmp.Or(checkEach("headers.request", r.Request), checkEach("headers.response", r.Response)); err != nil {
		return err
	}
	for _, h := range r.Response {
		if other := r.setFor(Spelling(h.Name)); other != "" {
			return wrong("headers.response."+h.Name, "leave one of them out", "the header field %s is set, and so %s that the proxy sets it for", h.Name, other)
		}
	}
	return nil
}

// setFor is what the proxy sets a field of answers for; empty where it does not.
func (r *Rules) setFor(name string) string {
	switch {
	case len(r.CORS) > 0 && (name == "vary" || strings.HasPrefix(name, "access-control-")):
		return "are the origins"
	case r.Gzip && name == "vary":
		return "is gzip"
	case r.MaxAge > 0 && name == "cache-control":
		return "is the cache"
	}
	return ""
}

// Spelling is the name that all fields have in common which some server takes for one.
func Spelling(name string) string {
	plain := []byte(name)
	for i, c := range plain {
		plain[i] = PlainByte(c)
	}
	return string(plain)
}

// PlainByte is a byte of a field's name as WSGI and CGI servers tell it apart from others. They make "_" of "-" (RFC 3875,
// section 4.1.18), and lighttpd of whatever is no letter or digit.
func PlainByte(c byte) byte {
	switch {
	case 'a' <= c && c <= 'z', '0' <= c && c <= '9':
		return c
	case 'A' <= c && c <= 'Z':
		return c + 'a' - 'A'
	}
	return '-'
}

func checkEach(kind string, headers []Header) error {
	seen := map[string]bool{}
	for _, h := range headers {
		setting := kind + "." + h.Name
		if err := h.check(setting); err != nil {
			return err
		}
		name := Spelling(h.Name)
		if seen[name] {
			return wrong(setting, "leave one of them out", "the header field %s is set twice", strconv.Quote(h.Name))
		}
		seen[name] = true
	}
	return nil
}
