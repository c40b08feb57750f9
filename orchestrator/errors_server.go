package orchestrator

import (
	"fmt"
	"net/http"
	"strings"
	"time"
)

// AbsentError says that there is no server to reach.
type AbsentError struct{ Target Target }

// Error names the target.
func (e *AbsentError) Error() string { return fmt.Sprintf("%s is not there", e.Target) }

// Hint starts one.
func (e *AbsentError) Hint() string {
	if e.Target.Container != "" {
		return "docker start " + e.Target.Container
	}
	return "letta-dev up"
}

// NoAnswerError says that a server started by hand does not answer its health check.
type NoAnswerError struct {
	URL string
	Err error
}

// Error is the URL, and what came instead of an answer.
func (e *NoAnswerError) Error() string {
	if isTimeout(e.Err) {
		return fmt.Sprintf("no Letta server answers at %s: something takes connections there and does not answer", e.URL)
	}
	return fmt.Sprintf("no Letta server answers at %s: %v", e.URL, e.Err)
}

// Unwrap returns what came instead of an answer.
func (e *NoAnswerError) Unwrap() error { return e.Err }

// Hint asks the server by hand.
func (e *NoAnswerError) Hint() string {
	return "curl -i " + strings.TrimSuffix(e.URL, "/") + "/v1/health/"
}

// AnswerError is an answer to the health check that is not that of a Letta server which is ready.
type AnswerError struct {
	Code   int    // the status
	Server string // the field of that name
	Err    error  // of a 200: why its body is not Letta's
}

// Error is the status, what the answer says of its server, and why a 200 is none.
func (e *AnswerError) Error() string {
	said := strings.TrimSpace(fmt.Sprintf("the health check answers %d %s", e.Code, http.StatusText(e.Code)))
	if e.Server != "" {
		said += fmt.Sprintf(" (Server: %.80q)", e.Server)
	}
	if e.Err != nil {
		said += fmt.Sprintf(", and not in Letta's form: %v", e.Err)
	}
	return said
}

// Unwrap returns why a body is not Letta's.
func (e *AnswerError) Unwrap() error { return e.Err }

// foreign says that the answer is that of another program. What stands before a server that starts says 5xx.
func (e *AnswerError) foreign() bool { return e.Code < 500 }

// NotLettaError says that something else than a Letta server answers at a URL or in a container, and has for a while.
type NotLettaError struct {
	URL       string
	Container string // where it is in one, which then has no URL
	Err       *AnswerError
}

// Error is the place, and what answers there.
func (e *NotLettaError) Error() string {
	place := "at " + e.URL
	if e.Container != "" {
		place = "in container " + e.Container
	}
	return fmt.Sprintf("what answers %s is not a Letta server: %v", place, e.Err)
}

// Unwrap returns the answer.
func (e *NotLettaError) Unwrap() error { return e.Err }

// Hint shows the whole answer, or what the container says of itself.
func (e *NotLettaError) Hint() string {
	if e.Container != "" {
		return "docker logs --tail 50 " + e.Container
	}
	return (&NoAnswerError{URL: e.URL}).Hint()
}

// UnansweredError says that the server in a container runs and does not answer its health check.
type UnansweredError struct {
	Container string
	Limit     time.Duration // that it had
	Err       error         // what came instead of an answer
}

// Error is how long it had, and what came instead where that was not nothing.
func (e *UnansweredError) Error() string {
	said := e.Container + " runs, and its health check (/v1/health/) has "
	if isTimeout(e.Err) {
		return said + fmt.Sprintf("had no answer for %v", e.Limit)
	}
	return said + fmt.Sprintf("failed for %v: %v", e.Limit, e.Err)
}

// Unwrap returns what came instead of an answer.
func (e *UnansweredError) Unwrap() error { return e.Err }

// Hint starts it again.
func (e *UnansweredError) Hint() string {
	return "docker restart " + e.Container + "  # its last words: letta-dev logs --tail 50"
}
