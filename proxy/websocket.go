package proxy

import (
	"context"
	"errors"
	"net/http"

	"github.com/letta-dev/letta-dev/proxy/http1"
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
// nothing answered, when nobody is there, and the client still is.
func (x *exchange) tryTunnel(b *backend) bool {
	ctx, cancel := x.upgradeContext()
	defer cancel()
	up, err := x.handshake(ctx, b, x.proxy.limits.dialWebSocket)
	var unreached *dialError
	nobody := errors.As(err, &unreached) || errors.Is(err, errNoAnswer)
	if nobody && ctx.Err() == nil && !x.isCut() {
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
		x.sendError(stopping())
		return
	}
	x.failed(u, err)
}

// join hands the upstream's answer to the client, and after a 101 relays until
// both sides are done.
func (x *exchange) join(ctx context.Context, up *upstreamConn) {
	release := context.AfterFunc(ctx, func() { up.Close() })
	defer func() {
		release()
		if x.conn.webSocket == nil {
			up.Close()
		}
	}()
	if up.answer.Status != http.StatusSwitchingProtocols {
		x.setCloser(up.Conn)
		x.watch()
		x.relay(up)
		x.unwatch()
		x.setCloser(nil)
		return
	}
	head := http1.Response{Status: up.answer.Status, Reason: up.answer.Reason, Fields: passing(nil, up.answer.Fields)}
	head.Fields = upgrading(head.Fields, "websocket")
	if x.begin(&head) != nil || x.wrote(x.out.flush()) != nil {
		x.setCause("the client left during the handshake")
		return
	}
	x.access.WebSocket = true
	x.conn.webSocket = newWebSocket(x.conn, up, x.access)
}
