package proxy

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// An exchange is one request and its answer. It is the ResponseWriter every part
// of the proxy writes to, so that what is sent is also what is recorded.
type exchange struct {
	http.ResponseWriter
	request *http.Request
	proxy   *Proxy
	start   time.Time
	access  Access // of the serving goroutine alone

	in, out  atomic.Int64
	bodyErr  atomic.Pointer[error] // why the client's body could not be read
	mu       sync.Mutex
	cause    string
	hijacked net.Conn
}

type exchangeKey struct{}

// exchangeOf returns the exchange that a context belongs to.
func exchangeOf(ctx context.Context) *exchange {
	x, _ := ctx.Value(exchangeKey{}).(*exchange)
	return x
}

func (p *Proxy) newExchange(w http.ResponseWriter, r *http.Request) *exchange {
	x := &exchange{ResponseWriter: w, proxy: p, start: p.config.Now()}
	x.access = Access{
		Time:     x.start,
		Client:   r.RemoteAddr,
		Protocol: r.Proto,
		TLS:      r.TLS != nil,
		Method:   printable(r.Method),
		Host:     printable(r.Host),
		Path:     printable(redact(r.RequestURI)),
	}
	if addr, ok := r.Context().Value(http.LocalAddrContextKey).(net.Addr); ok {
		x.access.Listener = addr.String()
	}
	if r.Body != nil && r.Body != http.NoBody {
		r.Body = &requestBody{r.Body, x}
	}
	x.request = r.WithContext(context.WithValue(r.Context(), exchangeKey{}, x))
	return x
}

// finish writes the record. panicked is what the handler panicked with, if it
// did: http.ErrAbortHandler is how a broken-off answer is shown to the client.
func (x *exchange) finish(panicked any) {
	if panicked != nil && panicked != http.ErrAbortHandler {
		x.because(fmt.Sprintf("panic: %v", panicked))
	}
	if x.access.Status == 0 {
		x.access.Status = 499 // nginx's word for it
		x.because("the client left before the answer")
	}
	x.access.BytesIn, x.access.BytesOut = x.in.Load(), x.out.Load()
	x.access.Total = x.proxy.config.Now().Sub(x.start)
	x.mu.Lock()
	x.access.Cause = x.cause
	x.mu.Unlock()
	x.proxy.config.Access(x.access)
}

// because notes the cause of a failure; the first one counts.
func (x *exchange) because(cause string) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.cause == "" {
		x.cause = cause
	}
}

// WriteHeader sets Config.Header last, so that neither an upstream nor a 1xx
// answer (after which the header map is cleared) can take it away.
func (x *exchange) WriteHeader(status int) {
	if status < 200 && status != http.StatusSwitchingProtocols {
		if x.request.ProtoAtLeast(1, 1) { // RFC 9110, section 15.2
			x.ResponseWriter.WriteHeader(status)
		}
		return
	}
	if x.access.Status == 0 {
		x.sent(status)
		if _, typed := x.Header()["Content-Type"]; !typed {
			x.Header()["Content-Type"] = nil // else net/http guesses one from the body, which is the upstream's to name
		}
		for name, values := range x.proxy.config.Header {
			x.Header()[name] = values
		}
	}
	x.ResponseWriter.WriteHeader(status)
}

func (x *exchange) sent(status int) {
	x.access.Status = status
	x.access.Head = x.proxy.config.Now().Sub(x.start)
}

func (x *exchange) Write(b []byte) (int, error) {
	if x.access.Status == 0 {
		x.WriteHeader(http.StatusOK)
	}
	n, err := x.ResponseWriter.Write(b)
	x.out.Add(int64(n))
	if err != nil && err != http.ErrBodyNotAllowed {
		x.because("the client left during the answer")
	}
	return n, err
}

// FlushError flushes, as http.ResponseController expects it.
func (x *exchange) FlushError() error {
	if x.access.Status == 0 {
		x.WriteHeader(http.StatusOK)
	}
	return http.NewResponseController(x.ResponseWriter).Flush()
}

// Unwrap is for http.ResponseController.
func (x *exchange) Unwrap() http.ResponseWriter { return x.ResponseWriter }

// Hijack hands the connection over for a WebSocket. It stays known to the proxy,
// which counts its bytes and closes it at stop: http.Server does neither. What
// the client sent along with its handshake stays in the reader.
func (x *exchange) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	raw, rw, err := http.NewResponseController(x.ResponseWriter).Hijack()
	if err != nil {
		return nil, nil, err
	}
	c := &countedConn{raw, x}
	early, _ := rw.Reader.Peek(rw.Reader.Buffered())
	rw.Reader.Reset(io.MultiReader(&countedReader{bytes.NewReader(bytes.Clone(early)), x}, c))
	rw.Reader.Peek(len(early)) // back into the buffer: libraries read on from the connection and take only what is buffered
	rw.Writer.Reset(c)
	x.access.WebSocket = true
	if x.access.Status == 0 {
		x.sent(http.StatusSwitchingProtocols)
	}
	x.mu.Lock()
	x.hijacked = raw
	x.mu.Unlock()
	return c, rw, nil
}

// abort breaks the answer off where the client can see it: a reset stream, or a
// connection closed without an end of the body.
func (x *exchange) abort() { panic(http.ErrAbortHandler) }

// cut closes the connection of a WebSocket that did not end by itself.
func (x *exchange) cut() {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.hijacked != nil {
		x.hijacked.Close()
	}
}
