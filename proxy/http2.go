package proxy

import (
	"cmp"
	"context"
	"errors"
	"io"
	"net/http"
	"reflect"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/letta-dev/letta-dev/proxy/http1"
)

// serveHTTP2 answers one request that net/http's server has read from an HTTP/2
// connection.
func (p *Proxy) serveHTTP2(w http.ResponseWriter, in *http.Request) {
	s := &stream{w: w, in: in, control: http.NewResponseController(w), pool: p.bodies, limit: p.limits.head}
	x := p.newExchange(s.request())
	x.body, x.out, x.ctx = s, s, in.Context()
	release := context.AfterFunc(x.ctx, func() {
		defer p.contain(func(any) {})
		x.cut()
	})
	defer release()
	p.streams.add(x)
	defer p.streams.remove(x)
	defer s.close(x)
	_ = errors.As(s.check(x.request), &x.request.flaw) // it is of no other kind
	if !x.run() {
		panic(http.ErrAbortHandler) // resets the stream
	}
	s.drain(x)
}

// A stream is one request of an HTTP/2 connection, and the way its answer takes.
type stream struct {
	w       http.ResponseWriter
	in      *http.Request
	control *http.ResponseController
	pool    *sync.Pool
	buf     *[]byte
	limit   time.Duration // of what belongs to the head
	before  func()
	ended   bool // the answer; net/http sends what is left of it

	asking    sync.Mutex
	awaits100 bool // the client sends its body after a 100
	sent      bool // something of the final answer
	answered  int  // bytes of its body
}

// request is what the policy looks at.
func (s *stream) request() *request {
	in := s.in
	conn := connOf(in.Context())
	r := &request{major: 2, secure: true, client: in.RemoteAddr, from: withoutPort(in.RemoteAddr), local: conn.local, listener: conn.listener}
	r.Method, r.Target, r.Path, r.Host, r.Minor = in.Method, in.RequestURI, in.RequestURI, in.Host, 1
	if r.Method == http.MethodConnect {
		r.Path = "" // RFC 9113, section 8.5
	}
	r.Fields = make(http1.Fields, 0, len(in.Header)+2) // most come once
	for name, values := range in.Header {
		for _, value := range values {
			for name == "Cookie" && strings.HasSuffix(value, "; ") { // net/http joins empty crumbs too (RFC 9113, section 8.2.3)
				value = strings.TrimSuffix(value, "; ")
			}
			r.Fields = append(r.Fields, http1.Field{Name: name, Value: value})
		}
	}
	if s.hasBody() && expects100(s.in.Body) {
		s.awaits100 = true
		r.Fields = append(r.Fields, http1.Field{Name: "Expect", Value: "100-continue"})
	}
	return r
}

func (s *stream) hasBody() bool {
	return s.in.ContentLength != 0 || s.in.Header["Content-Length"] != nil
}

// expects100 reports whether the client waits to be asked for its body. net/http's server of HTTP/2 keeps that to itself, and takes
// the field away.
func expects100(body io.ReadCloser) bool {
	if v := reflect.Indirect(reflect.ValueOf(body)); v.Kind() == reflect.Struct {
		f := v.FieldByName("needsContinue")
		return f.Kind() == reflect.Bool && f.Bool()
	}
	return false
}

// check refuses what is malformed (RFC 9113, section 8.1.1) and net/http lets pass,
// and finds the framing. It may have to wait for the client.
func (s *stream) check(r *request) error {
	if err := r.Check(); err != nil {
		return err
	}
	for host := range r.Fields.Values("Host") { // RFC 9113, section 8.3.1
		if lower(host) != lower(r.Host) {
			return &http1.Error{Status: http.StatusBadRequest, Reason: "a Host field that is not the authority"}
		}
	}
	switch length := s.in.ContentLength; {
	case length < 0:
		r.Framing = http1.Framing{Kind: http1.Chunked}
	case length != r.Framing.Length, r.Framing.Kind == http1.Sized && length == 0 && !s.isEmpty():
		return &http1.Error{Status: http.StatusBadRequest, Reason: "a Content-Length that is not the length of the body"}
	}
	return nil
}

// isEmpty waits for the end of a body that has said to be empty, as long as a head may take.
func (s *stream) isEmpty() bool {
	s.awaits100 = false                                    // reading asks
	_ = s.control.SetReadDeadline(time.Now().Add(s.limit)) // net/http's own streams have deadlines
	defer func() { _ = s.control.SetReadDeadline(time.Time{}) }()
	_, err := io.ReadFull(s.in.Body, make([]byte, 1))
	return err == io.EOF
}

// errUnasked stands for a body whose client waits to be asked for it, and has its answer.
var errUnasked = errors.New("the client was not asked for the body")

// ask comes before a Read, which has net/http ask for the body: a 100 must not come behind the final answer.
func (s *stream) ask() error {
	s.asking.Lock()
	defer s.asking.Unlock()
	if s.awaits100 && s.sent {
		return errUnasked
	}
	s.awaits100 = false
	return nil
}

// sending notes that something of the final answer is sent.
func (s *stream) sending() {
	s.asking.Lock()
	defer s.asking.Unlock()
	s.sent = true
}

func (s *stream) next() ([]byte, error) {
	if err := s.ask(); err != nil {
		return nil, err
	}
	if s.buf == nil {
		s.buf = s.pool.Get().(*[]byte)
	}
	if s.before != nil {
		s.before()
	}
	n, err := s.in.Body.Read(*s.buf)
	switch {
	case n > 0:
		err = nil // it comes again
	case err == io.EOF:
		err = cmp.Or(s.trailer().CheckSize(), err)
	}
	return (*s.buf)[:n], err
}

func (s *stream) trailer() http1.Fields {
	var fields http1.Fields
	for name, values := range s.in.Trailer {
		for _, value := range values {
			fields = append(fields, http1.Field{Name: name, Value: value})
		}
	}
	return fields
}

func (s *stream) whole() bool { return false }

func (s *stream) beforeWait(f func()) { s.before = f }

// abandon ends nothing: net/http cannot end a Read and go on with the body, of which drain takes the rest.
func (s *stream) abandon() (ended bool) { return false }

// answerAfter is how long drain holds an answer back while it reads a body: most have ended by then.
const answerAfter = 100 * time.Millisecond

// drain reads the rest of a body that nobody wants. net/http resets the stream of a client that still sends when the answer has
// ended, and some clients then lose the answer (curl 7.88, httpx). As behind an answer of HTTP/1.1 that is the last of its
// connection, at most lingerBytes are read, for at most limits.linger; and no longer than a quarter of that once nothing comes,
// since many stop sending when they see what they are answered. The answer itself waits for answerAfter, and its end for that
// of the drain.
func (s *stream) drain(x *exchange) {
	if !s.hasBody() || x.ended.Load() {
		return
	}
	limit := x.proxy.limits.linger
	bound := time.Now().Add(limit)
	idle := time.AfterFunc(limit/4, func() { _ = s.in.Body.Close() })
	defer idle.Stop()
	drained := make(chan struct{})
	go func() {
		defer close(drained)
		defer x.proxy.contain(func(any) {})
		x.uploading.Wait()
		for left := lingerBytes; left > 0; {
			piece, err := s.next()
			if err != nil {
				return // whatever it is, the stream is over
			}
			left -= len(piece)
			idle.Reset(min(limit/4, time.Until(bound)))
		}
	}()
	select {
	case <-drained:
		return
	case <-time.After(answerAfter):
	}
	s.sending()
	if s.in.Method != http.MethodHead { // whose answer ends with its head, and the stream with that
		_ = s.control.Flush()
	}
	<-drained
}

// close ends the reading of the body.
func (s *stream) close(x *exchange) {
	_ = s.in.Body.Close()
	x.uploading.Wait()
	if s.buf != nil {
		s.pool.Put(s.buf)
	}
}

// inform: a 100 comes from net/http, when the body is first read.
func (s *stream) inform(status int, fields http1.Fields) {
	if status == http.StatusContinue {
		return
	}
	s.set(fields)
	s.w.WriteHeader(status)
	clear(s.w.Header())
}

func (s *stream) begin(head *http1.Response) error {
	h := s.w.Header()
	s.set(head.Fields)
	h.Del("Content-Length")
	// net/http's own client takes the length of a 304 for that of a body that is missing.
	if f := head.Framing; f.Kind == http1.Sized || head.Promised.Kind == http1.Sized && s.in.Method == "HEAD" {
		h.Set("Content-Length", strconv.FormatInt(max(f.Length, head.Promised.Length), 10))
	}
	if h["Content-Type"] == nil {
		h["Content-Type"] = nil // else net/http guesses one from the body, which is the upstream's to name
	}
	s.w.WriteHeader(head.Status)
	return nil
}

// set adds fields, most of which come once, out of one piece of memory. Trailer goes under a name that net/http does not look for:
// it would repeat the fields of the head behind the body that Trailer announces.
func (s *stream) set(fields http1.Fields) {
	h, values := s.w.Header(), make([]string, len(fields))
	for i, f := range fields {
		name := http.CanonicalHeaderKey(f.Name)
		if name == "Trailer" {
			name = "trailer"
		}
		if h[name] != nil {
			h[name] = append(h[name], f.Value)
			continue
		}
		values[i] = f.Value
		h[name] = values[i : i+1 : i+1]
	}
}

func (s *stream) piece(p []byte) error {
	const buffered = 4 << 10 // by net/http
	if s.answered += len(p); s.answered > buffered {
		s.sending()
	}
	_, err := s.w.Write(p)
	return err
}

// end leaves the sending to net/http, which sends what is left of a stream in as few frames as can be when its handler returns.
func (s *stream) end(trailer http1.Fields) error {
	s.ended = true
	for _, f := range trailer {
		s.w.Header().Add(http.TrailerPrefix+f.Name, f.Value)
	}
	return nil
}

// flush would find a stream closed that has ended already.
func (s *stream) flush() error {
	if s.ended {
		return nil
	}
	s.sending()
	return s.control.Flush()
}
