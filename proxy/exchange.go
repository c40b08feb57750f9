package proxy

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/letta-dev/letta-dev/proxy/http1"
	"github.com/letta-dev/letta-dev/proxy/redact"
)

// source is the body of a request.
type source interface {
	// next gives the next piece, valid until the next call, and io.EOF behind the
	// last one.
	next() ([]byte, error)
	// trailer gives the fields behind the body, once it has ended.
	trailer() http1.Fields
	// whole reports whether all of it has arrived.
	whole() bool
	// beforeWait has f called before next waits for more.
	beforeWait(f func())
	// abandon ends a next that waits, and all to come. It reports whether it can.
	abandon() (ended bool)
}

// sink takes the answer to a request.
type sink interface {
	// inform sends an answer that is not final (1xx).
	inform(status int, fields http1.Fields)
	// begin sends the head of the final answer, in the framing the client's
	// version of HTTP has for such a body.
	begin(head *http1.Response) error
	piece(p []byte) error
	// end sends all that was written, and the end.
	end(trailer http1.Fields) error
	flush() error
}

// An exchange is one request and its answer. Every part of the proxy answers
// through it, so that what is sent is also what is recorded.
type exchange struct {
	proxy   *Proxy
	request *request
	body    source
	out     sink
	conn    *clientConn     // nil in HTTP/2
	ctx     context.Context // of a stream of HTTP/2; nil in HTTP/1

	pathRoute *pathRoute // nil: the Letta server's, as it came
	target    string     // towards the upstream

	start     time.Time
	access    Access // of the serving goroutine alone
	bytesIn   atomic.Int64
	bytesOut  atomic.Int64
	broken    bool
	gzip      *gzipWriter           // nil: the answer goes as it comes
	ended     atomic.Bool           // the end of the body was read
	abandoned atomic.Bool           // nobody reads the rest of the body
	bodyErr   atomic.Pointer[error] // why the client's body could not be read
	uploading sync.WaitGroup        // what reads the body beside the answer

	mu    sync.Mutex
	cause string
	gone  bool      // nobody waits for the answer any more
	held  io.Closer // what the exchange holds; nil: nothing
}

func (p *Proxy) newExchange(r *request) *exchange {
	x := &exchange{proxy: p, request: r, target: r.Path, start: p.config.Now()}
	x.access = Access{
		Time:     x.start,
		Client:   r.client,
		Listener: r.local,
		Protocol: r.protocol(),
		TLS:      r.secure,
		Method:   redact.Printable(r.Method),
		Host:     redact.Printable(r.Host),
		Path:     redact.Printable(redact.URL(cmp.Or(r.Path, r.Target))),
	}
	return x
}

// run answers the request. It returns false when the answer broke off, which the
// client must see: a reset stream, or a connection closed without an end of the
// body.
func (x *exchange) run() (whole bool) {
	defer func() { whole = !x.broken }()
	defer x.finish()
	defer x.proxy.contain(x.abort)
	if a := x.proxy.refuse(x.request); a != nil {
		x.sendError(a)
	} else {
		x.route()
	}
	return true
}

// abort ends what a panic left under way: behind it the client's connection is read by
// nobody, and the upstream's is closed.
func (x *exchange) abort(cause any) {
	x.setCause(fmt.Sprintf("panic: %v", cause))
	x.broken = true
	x.cut()
	x.unwatch()
}

// finish writes the record; a WebSocket writes its own.
func (x *exchange) finish() {
	x.unpack()
	if x.conn != nil && x.conn.webSocket != nil {
		return
	}
	if x.access.Status == 0 {
		x.access.Status = 499 // nginx's word for it
		x.setCause(x.whyLeft("before"))
	}
	x.access.BytesIn, x.access.BytesOut = x.bytesIn.Load(), x.bytesOut.Load()
	x.access.Total = x.proxy.config.Now().Sub(x.start)
	x.mu.Lock()
	x.access.Cause = x.cause
	x.mu.Unlock()
	x.proxy.config.Access(&x.access)
}

// setCause notes the cause of a failure; the first one counts.
func (x *exchange) setCause(cause string) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.cause == "" {
		x.cause = cause
	}
}

// begin sends the head of an answer. What we set is set last, so that no upstream
// can take it away, and Config.Header behind all.
func (x *exchange) begin(head *http1.Response) error {
	head.Fields = edit(x.proxy.answerFor(x.request, head.Fields), x.proxy.table.Response)
	for name, values := range x.proxy.config.Header {
		head.Fields.Del(name)
		for _, value := range values {
			head.Fields = append(head.Fields, http1.Field{Name: name, Value: value})
		}
	}
	now := x.proxy.config.Now()
	if head.Fields.Get("Date") == "" && head.Status != http.StatusSwitchingProtocols { // RFC 9110, section 6.6.1
		head.Fields = append(head.Fields, http1.Field{Name: "Date", Value: now.UTC().Format(http.TimeFormat)})
	}
	x.access.Status = head.Status
	x.access.Head = now.Sub(x.start)
	return x.wrote(x.out.begin(head))
}

func (x *exchange) begun() bool { return x.access.Status != 0 }

func (x *exchange) piece(p []byte) error {
	x.bytesOut.Add(int64(len(p)))
	return x.wrote(x.out.piece(p))
}

// relayed sends a piece of the upstream's answer.
func (x *exchange) relayed(p []byte) error {
	if x.gzip != nil {
		return x.gzip.write(p)
	}
	return x.piece(p)
}

// flush sends what was written of the answer.
func (x *exchange) flush() {
	if x.gzip != nil && x.gzip.flush() != nil {
		return // it was x.piece that failed
	}
	_ = x.wrote(x.out.flush())
}

func (x *exchange) end(trailer http1.Fields) error {
	if x.gzip != nil {
		if err := x.gzip.close(); err != nil {
			return err
		}
		x.unpack()
		trailer = slices.DeleteFunc(trailer, isDigest)
	}
	return x.wrote(x.out.end(trailer))
}

// unpack is for the end of the answer, however it came.
func (x *exchange) unpack() {
	x.proxy.packers.put(x.gzip)
	x.gzip = nil
}

// wrote notes that an answer could not be written.
func (x *exchange) wrote(err error) error {
	switch {
	case err == nil:
	case x.proxy.cutting():
		x.setCause("cut at stop")
	default:
		x.setCause(x.whyLeft("during"))
	}
	return err
}

// whyLeft says that the client left before or during the answer, or that it was cut off: net/http ends the stream of a body that is
// not as long as its head says, and has no type for that error.
func (x *exchange) whyLeft(when string) string {
	if err := x.bodyErr.Load(); err != nil && strings.Contains((*err).Error(), "Content-Length of") {
		return "reading the request body: " + (*err).Error()
	}
	return "the client left " + when + " the answer"
}

// next gives the next piece of the request's body. When reading fails on the
// client's side, that is not the upstream's fault.
func (x *exchange) next() ([]byte, error) {
	piece, err := x.body.next()
	if came, most := x.bytesIn.Add(int64(len(piece))), x.proxy.table.MaxBody; most > 0 && came > most {
		piece, err = nil, errTooLarge
	}
	if err == io.EOF {
		x.ended.Store(true)
	}
	if err != nil && err != io.EOF && !x.abandoned.Load() {
		x.bodyErr.CompareAndSwap(nil, &err)
	}
	return piece, err
}

// arrived reports whether all of the client's body has been read.
func (x *exchange) arrived() bool { return x.ended.Load() || x.conn != nil && x.conn.arrived.Load() }

// write sends a whole answer.
func (x *exchange) write(status int, fields http1.Fields, body []byte) {
	if x.conn != nil {
		x.conn.skip()
	}
	head := &http1.Response{Status: status, Reason: http.StatusText(status), Fields: fields}
	if status != http.StatusNoContent && status != http.StatusNotModified {
		head.Framing = http1.Framing{Kind: http1.Sized, Length: int64(len(body))}
	}
	if x.begin(head) != nil {
		return
	}
	if x.request.Method != "HEAD" && len(body) > 0 && x.piece(body) != nil {
		return
	}
	_ = x.end(nil) // wrote has noted it
}

// setCloser notes what the exchange holds, for a client that left and for the end of
// the proxy. It is closed at once where that has come already.
func (x *exchange) setCloser(held io.Closer) {
	x.mu.Lock()
	x.held = held
	late := x.gone
	x.mu.Unlock()
	if late && held != nil {
		held.Close()
	}
}

// closer makes an io.Closer of what ends something.
type closer func()

func (c closer) Close() error { c(); return nil }

// stop leaves an exchange that is under way alone.
func (x *exchange) stop() {}

// cut ends what the exchange holds: nobody waits for it any more.
func (x *exchange) cut() {
	x.mu.Lock()
	x.gone = true
	held := x.held
	x.mu.Unlock()
	if held != nil {
		held.Close()
	}
}

// readEnded is told that the client sends no more while it waits for the answer. One
// that asked for the end of the connection behind it may have ended its own direction
// only (RFC 9112, section 9.6); one that meant to go on has left. Where the two cannot be
// told apart, that the former has left is not known before the answer is written to it.
func (x *exchange) readEnded(err error) {
	if err == io.EOF && !x.request.Persistent() && !abandoned(x.conn.socket.Conn) {
		return
	}
	x.cut()
}

// askSocket notices that the client has left while nothing reads from its connection. The end of one that closed with bytes to
// send stands behind them, and does not come.
func (x *exchange) askSocket() {
	if x.conn == nil {
		return
	}
	socket := x.conn.socket.Conn
	if err := sendsNoMore(socket); err != nil {
		x.readEnded(err)
	} else if abandoned(socket) {
		x.cut()
	}
}

// isCut reports whether the client has left, or was cut off.
func (x *exchange) isCut() bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.gone || x.ctx != nil && x.ctx.Err() != nil // cut may be on its way
}

// watch notices from now on that the client leaves. Nothing may read its
// connection until unwatch has returned.
func (x *exchange) watch() {
	if x.conn != nil {
		x.conn.watch.begin(x.conn.socket, x)
	}
}

func (x *exchange) unwatch() {
	if x.conn != nil {
		x.conn.watch.stop()
	}
}

// base ends when the stream does, or with the proxy.
func (x *exchange) base() context.Context {
	if x.ctx != nil {
		return x.ctx
	}
	return x.proxy.base
}

// upgradeContext ends also when the proxy begins to stop.
func (x *exchange) upgradeContext() (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(x.base())
	release := context.AfterFunc(x.proxy.stopping, cancel)
	return ctx, func() { release(); cancel() }
}
