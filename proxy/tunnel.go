package proxy

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
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
