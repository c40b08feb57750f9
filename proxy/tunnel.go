package proxy

import (
	"bufio"
	"context"
	"crypto/sha1"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"time"
)

// tunnel joins a WebSocket client to a backend once it is ready.
func (x *exchange) tunnel(b *backend) {
	ctx, cancel := x.upgradeContext()
	defer cancel()
	for {
		changed, ready := x.awaitReady(b.Upstream)
		if !ready {
			return
		}
		x.access.Upstream = b.Name
		up, err := x.handshake(ctx, b, dialTimeout)
		if err == nil {
			x.join(ctx, up)
			return
		}
		if !x.startsOver(err, changed) {
			x.handshakeFailed(b.Upstream, err)
			return
		}
	}
}

// tryTunnel is tunnel for a backend that may not exist. It returns false, with
// nothing answered, when nobody is there.
func (x *exchange) tryTunnel(b *backend) bool {
	ctx, cancel := x.upgradeContext()
	defer cancel()
	up, err := x.handshake(ctx, b, x.proxy.limits.reach)
	var unreached *dialError
	if errors.As(err, &unreached) || errors.Is(err, errSilent) {
		return false
	}
	x.access.Upstream = b.Name
	if err != nil {
		x.handshakeFailed(b.Upstream, err)
		return true
	}
	x.join(ctx, up)
	return true
}

// errSilent is an upstream that closed the connection without a byte.
var errSilent = errors.New("the connection was closed without an answer")

// upgraded is an upstream's answer to a handshake, and the connection behind it.
type upgraded struct {
	net.Conn
	reader   *bufio.Reader // may hold frames that came with the answer
	response *http.Response
}

// handshake sends the client's handshake to a backend and reads the answer, which
// need not be a 101. It fails with a *dialError, errSilent or what went wrong.
func (x *exchange) handshake(ctx context.Context, b *backend, limit time.Duration) (*upgraded, error) {
	conn, err := b.dial(ctx, limit)
	if err != nil {
		return nil, err
	}
	release := context.AfterFunc(ctx, func() { conn.Close() })
	up, err := exchangeHandshake(conn, x.outgoingHandshake(b.Upstream))
	if !release() && err == nil {
		err = context.Cause(ctx)
	}
	if err != nil {
		conn.Close()
		return nil, err
	}
	return up, nil
}

func (x *exchange) outgoingHandshake(u *Upstream) *http.Request {
	r := x.request
	h := r.Header.Clone()
	removeHopByHop(h)
	setForwarded(h, r, x.proxy.name)
	u.prepare(h)
	h.Set("Connection", "Upgrade")
	h.Set("Upgrade", "websocket")
	if h.Get("User-Agent") == "" {
		h.Set("User-Agent", "") // else net/http adds its own
	}
	return &http.Request{Method: http.MethodGet, URL: outgoingURL(r), Host: r.Host, Header: h}
}

func exchangeHandshake(conn net.Conn, out *http.Request) (*upgraded, error) {
	head := &io.LimitedReader{R: conn, N: maxHead}
	reader := bufio.NewReader(head)
	if err := out.Write(conn); err != nil {
		return nil, errSilent // it reset the connection before it read all
	}
	if _, err := reader.Peek(1); err != nil {
		return nil, errSilent
	}
	for {
		res, err := http.ReadResponse(reader, out)
		if err != nil {
			return nil, err
		}
		if res.StatusCode == http.StatusSwitchingProtocols || res.StatusCode >= 200 {
			head.N = math.MaxInt64
			return &upgraded{conn, reader, res}, checkAccept(out, res)
		}
	}
}

// checkAccept holds a 101 to RFC 6455, section 4.1: an upstream that switched to
// something else must not talk to a browser that believes in WebSockets.
func checkAccept(out *http.Request, res *http.Response) error {
	if res.StatusCode != http.StatusSwitchingProtocols {
		return nil
	}
	sum := sha1.Sum([]byte(out.Header.Get("Sec-WebSocket-Key") + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	if !hasToken(res.Header["Upgrade"], "websocket") || res.Header.Get("Sec-WebSocket-Accept") != base64.StdEncoding.EncodeToString(sum[:]) {
		return errors.New("its 101 does not fit the handshake")
	}
	return nil
}

func (x *exchange) handshakeFailed(u *Upstream, err error) {
	if x.proxy.stopping.Err() != nil {
		x.respond(stopping())
		return
	}
	x.failed(u, err)
}

// join hands the upstream's answer to the client, and after a 101 relays until
// both sides are done.
func (x *exchange) join(ctx context.Context, up *upgraded) {
	defer up.Close()
	h := up.response.Header
	removeHopByHop(h)
	if up.response.StatusCode != http.StatusSwitchingProtocols {
		x.relayRefusal(ctx, up)
		return
	}
	client, rw, err := x.Hijack()
	if err != nil {
		x.because(err.Error())
		x.abort()
	}
	defer client.Close()
	h.Set("Connection", "Upgrade")
	h.Set("Upgrade", "websocket")
	for name, values := range x.proxy.config.Header {
		h[name] = values
	}
	fmt.Fprint(rw, "HTTP/1.1 101 Switching Protocols\r\n")
	h.Write(rw)
	fmt.Fprint(rw, "\r\n")
	if err := rw.Flush(); err != nil {
		x.because("the client left during the handshake")
		return
	}
	x.out.Store(0) // the record counts what follows
	err = relay(ctx, pipe{client, rw.Reader}, pipe{up.Conn, up.reader}, x.proxy.limits.halfOpen)
	if ctx.Err() != nil {
		x.because("closed at stop")
	} else if err != nil {
		x.because(err.Error())
	}
}

// relayRefusal passes on an answer that is no 101, body and all.
func (x *exchange) relayRefusal(ctx context.Context, up *upgraded) {
	release := context.AfterFunc(ctx, func() { up.Close() })
	defer release()
	res := up.response
	defer res.Body.Close()
	fixLocation(res.Header, x.request)
	for name, values := range res.Header {
		x.Header()[name] = values
	}
	x.WriteHeader(res.StatusCode)
	if _, err := io.Copy(x, res.Body); err != nil {
		x.brokeOff(err)
		x.abort()
	}
}
