package http1

import "net/http"

// An Error is a message that breaks the rules of the wire. Its reason repeats
// nothing of the message.
type Error struct {
	Status int    // what answers a request of that kind; an answer of that kind is a 502
	Reason string // "two Content-Length fields"
}

// Error is the reason.
func (e *Error) Error() string { return e.Reason }

func bad(reason string) error { return &Error{http.StatusBadRequest, reason} }
