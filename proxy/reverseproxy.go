package proxy

import (
	"context"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"time"
)

// reverseProxy is the forwarder made of net/http.
type reverseProxy struct {
	proxy     *httputil.ReverseProxy
	transport *http.Transport
}

type failureKey struct{}

func newReverseProxy(u *Upstream, name string) *reverseProxy {
	transport := &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return u.dial(ctx, dialTimeout)
		},
		DisableCompression:  true, // else Go asks for gzip where the client did not, and unpacks it
		MaxIdleConnsPerHost: 64,
		// An attached server closes its idle connections after 5 s (uvicorn): one
		// of ours must never be reused at that moment.
		IdleConnTimeout:       3 * time.Second,
		ExpectContinueTimeout: time.Second,
		// No Proxy: HTTP_PROXY is for the internet. No ResponseHeaderTimeout: the
		// head of a Letta answer may take as long as its model thinks.
	}
	return &reverseProxy{
		transport: transport,
		proxy: &httputil.ReverseProxy{
			Transport:      transport,
			Rewrite:        func(pr *httputil.ProxyRequest) { rewrite(pr, u, name) },
			ModifyResponse: modifyResponse,
			ErrorHandler: func(_ http.ResponseWriter, r *http.Request, err error) {
				*r.Context().Value(failureKey{}).(*error) = err
			},
			FlushInterval: -1,
			BufferPool:    &bufferPool{},
			ErrorLog:      log.New(io.Discard, "", 0), // failures are in the access record
		},
	}
}

func (f *reverseProxy) forward(w http.ResponseWriter, r *http.Request) (err error) {
	f.proxy.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), failureKey{}, &err)))
	return err
}

func (f *reverseProxy) close() { f.transport.CloseIdleConnections() }

// rewrite makes the outgoing request. ReverseProxy has removed the hop-by-hop
// fields before, and put Upgrade back: no upgrade comes this way.
func rewrite(pr *httputil.ProxyRequest, u *Upstream, name string) {
	out := pr.Out
	out.URL = outgoingURL(pr.In)
	out.Host = pr.In.Host
	out.Trailer = pr.In.Trailer // not a copy: its values arrive after the body
	removeHopByHop(out.Header)
	setForwarded(out.Header, pr.In, name)
	u.prepare(out.Header)
}

// outgoingURL keeps path and query as the client wrote them. An opaque URL is
// written out unchanged; only a path that begins with two slashes cannot be one,
// and takes net/url's spelling of the same path.
func outgoingURL(r *http.Request) *url.URL {
	path, query, hasQuery := target(r)
	u := &url.URL{Scheme: "http", Host: "upstream", RawQuery: query, ForceQuery: hasQuery}
	if strings.HasPrefix(path, "//") {
		u.Path, u.RawPath = r.URL.Path, r.URL.RawPath
	} else {
		u.Opaque = path
	}
	return u
}

func modifyResponse(res *http.Response) error {
	if res.StatusCode < 100 { // RFC 9110, section 15; net/http reads it and panics when it is to be written
		return fmt.Errorf("its status is %03d", res.StatusCode)
	}
	x := exchangeOf(res.Request.Context())
	fixLocation(res.Header, x.request)
	res.Body = &responseBody{res.Body, x}
	return nil
}

// bufferPool lends the buffers that bodies are copied through.
type bufferPool struct{ pool sync.Pool }

func (b *bufferPool) Get() []byte {
	if p, ok := b.pool.Get().(*[]byte); ok {
		return *p
	}
	return make([]byte, 32<<10)
}

func (b *bufferPool) Put(p []byte) { b.pool.Put(&p) }
