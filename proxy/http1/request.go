package http1

import (
	"net/http"
	"strings"
)

// A Request is the head of a request.
type Request struct {
	Method string
	Target string // as the client wrote it
	Scheme string // of a target in absolute form, in lower case; else ""
	Host   string // the authority of the target, else the Host field (RFC 9112, section 3.2.2)
	Path   string // path and query, byte for byte; "*" for the server as a whole; "" for CONNECT

	Minor   int // of the version: HTTP/1.Minor
	Fields  Fields
	Framing Framing
}

// Request reads the head of a request into r, whose Fields are used again. The
// error is io.EOF when the connection ended in good order, an [*Error] for a
// malformed head, else what reading gave. A head that is too large leaves the fields
// of it that came.
func (d *Reader) Request(r *Request) error {
	*r = Request{Fields: r.Fields[:0]}
	line, err := d.firstLine()
	if err == nil && line == "" { // RFC 9112, section 2.2
		line, err = d.firstLine()
	}
	if e, ok := err.(*Error); ok && e.Status == http.StatusRequestURITooLong {
		r.Fields = d.fieldsBehindLongLine(r.Fields)
	}
	if err != nil {
		return err
	}
	if err := r.parseLine(line); err != nil {
		return err
	}
	if r.Fields, err = d.fields(r.Fields, false); err != nil {
		return err
	}
	if err := r.setHost(); err != nil {
		return err
	}
	if err := r.checkExpect(); err != nil {
		return err
	}
	r.Framing, err = framing(r.Minor, r.Fields)
	return err
}

// Persistent reports whether the client means to send another request on the
// connection (RFC 9112, section 9.3).
func (r *Request) Persistent() bool { return persistent(r.Minor, r.Fields) }

// ExpectsContinue reports whether the client waits for a 100 before it sends the
// body (RFC 9110, section 10.1.1).
func (r *Request) ExpectsContinue() bool {
	return r.Minor > 0 && r.Fields.Get("Expect") != "" && r.Framing != Framing{} && r.Framing != Framing{Kind: Sized}
}

func persistent(minor int, fields Fields) bool {
	if minor == 0 {
		return fields.HasToken("Connection", "keep-alive") && !fields.HasToken("Connection", "close")
	}
	return !fields.HasToken("Connection", "close")
}

// parseLine reads "METHOD target HTTP/1.1", its parts divided by single spaces.
func (r *Request) parseLine(line string) (err error) {
	method, rest, ok := strings.Cut(line, " ")
	target, version, ok2 := strings.Cut(rest, " ")
	if !ok || !ok2 {
		return bad("the request line has not three parts")
	}
	if r.Minor, err = minorVersion(version); err != nil {
		return err
	}
	if err := checkMethod(method); err != nil {
		return err
	}
	r.Method, r.Target = method, target
	return r.parseTarget()
}

func checkMethod(method string) error {
	switch {
	case !IsToken(method):
		return bad("the method is malformed")
	case method == "PRI":
		return bad("PRI is no method: HTTP/2 begins with it (RFC 9113, section 3.4)")
	}
	return nil
}

// parseTarget knows the four forms of RFC 9112, section 3.2.
func (r *Request) parseTarget() error {
	t := r.Target
	switch {
	case !isTarget(t):
		return bad("the request target has a byte that no target may have")
	case r.Method == http.MethodConnect:
		r.Host = t
		return nil
	case strings.HasPrefix(t, "/"), t == "*" && r.Method == http.MethodOptions:
		r.Path = t
		return nil
	}
	return r.parseAbsolute()
}

// isTarget: other parsers end a target at a blank, a control or a fragment.
func isTarget(s string) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] >= 0x7f || s[i] == '#' {
			return false
		}
	}
	return true
}

// Check refuses a request that came by another way than a Reader, such as HTTP/2,
// for what a Reader would refuse in its method, Path, size and fields, and sets
// Framing to what the fields say.
func (r *Request) Check() error {
	if err := r.checkSize(); err != nil {
		return err
	}
	if err := checkMethod(r.Method); err != nil {
		return err
	}
	if !r.hasPath() {
		return bad("the request target has a byte that no target may have")
	}
	for _, f := range r.Fields { // RFC 9113, section 8.2.1
		if !IsToken(f.Name) || !isValue(f.Value) || f.Value != trimBlanks(f.Value) {
			return bad("a field of the head is malformed")
		}
	}
	if err := r.checkExpect(); err != nil {
		return err
	}
	var err error
	r.Framing, err = framing(1, r.Fields)
	return err
}

// checkSize measures the head that HTTP/1.1 would have for the request.
func (r *Request) checkSize() error {
	if len(r.Method)+len(" ")+len(r.Path)+len(" HTTP/1.1") > MaxLine {
		return tooLong()
	}
	size, lines := r.Fields.size(), len(r.Fields)
	if r.Fields.Count("Host") == 0 {
		size, lines = size+Field{"Host", r.Host}.size(), lines+1
	}
	return checkLines(size, lines)
}

func (r *Request) hasPath() bool {
	switch {
	case r.Method == http.MethodConnect:
		return r.Path == ""
	case r.Path == "*":
		return r.Method == http.MethodOptions
	}
	return strings.HasPrefix(r.Path, "/") && isTarget(r.Path)
}

func (r *Request) checkExpect() error {
	if n := r.Fields.Count("Expect"); n > 1 || n == 1 && !equalFold(r.Fields.Get("Expect"), "100-continue") {
		return &Error{http.StatusExpectationFailed, "an expectation other than 100-continue"}
	}
	return nil
}

func (r *Request) parseAbsolute() error {
	scheme, rest, ok := strings.Cut(r.Target, "://")
	if !ok || !equalFold(scheme, "http") && !equalFold(scheme, "https") {
		return bad("the request target is neither a path nor an http URI")
	}
	r.Scheme, r.Host, r.Path = strings.ToLower(scheme), rest, "/"
	if i := strings.IndexAny(rest, "/?"); i >= 0 {
		r.Host, r.Path = rest[:i], rest[i:]
	}
	switch {
	case r.Host == "" || strings.Contains(r.Host, "@"):
		return bad("the authority of the request target is malformed")
	case r.Path[0] == '?':
		r.Path = "/" + r.Path
	case r.Method == http.MethodOptions && len(rest) == len(r.Host): // RFC 9112, section 3.2.4
		r.Path = "*"
	}
	return nil
}

// setHost: RFC 9112, section 3.2. The form of a host is for the caller to check,
// who has to know names anyway.
func (r *Request) setHost() error {
	switch n := r.Fields.Count("Host"); {
	case n > 1:
		return bad("two Host fields")
	case n == 0 && r.Minor > 0:
		return bad("no Host field")
	case r.Host == "":
		r.Host = r.Fields.Get("Host")
	}
	return nil
}
