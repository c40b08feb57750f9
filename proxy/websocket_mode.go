package proxy

import (
	"context"
	"net/http"
	"time"

	"github.com/letta-dev/letta-dev/proxy/http1"
)

// WebSocketMode says which server the WebSockets on the marked listener reach.
type WebSocketMode string

// The modes, in the order they are tried.
const (
	ModePassThrough WebSocketMode = "pass-through" // the container's own port
	ModeUpstream    WebSocketMode = "upstream"     // the configured WebSocket upstream
	ModeBridge      WebSocketMode = "bridge"       // answered here
	ModeNone        WebSocketMode = "none"
)

// WebSocketMode tells which mode an upgrade on the WebSocket listener has
// now. It connects to the pass-through port to find out, which takes at most a
// second.
func (p *Proxy) WebSocketMode(ctx context.Context) WebSocketMode {
	switch {
	case p.pass != nil && p.listens(ctx, p.pass.Upstream):
		return ModePassThrough
	case p.ws != nil:
		return ModeUpstream
	case p.config.WebSocket.Bridge != nil:
		return ModeBridge
	}
	return ModeNone
}

// listens reports whether something listens. That a connection is accepted does
// not say so: Docker's own proxy accepts for a published port whatever is behind
// it, and closes at once.
func (p *Proxy) listens(ctx context.Context, u *Upstream) bool {
	conn, err := u.dial(ctx, p.limits.dialWebSocket)
	if err != nil {
		return false
	}
	defer conn.Close()
	conn.SetReadDeadline(time.Now().Add(p.limits.deadEnd))
	_, err = conn.Read(make([]byte, 1))
	return err == nil || isTimeout(err)
}

// route sends an exchange that passed the policy on its way.
func (x *exchange) route() {
	onWebSocket := x.request.listener.WebSocket
	switch {
	case x.request.isForUs():
		x.write(http.StatusNoContent, http1.Fields{{Name: "Allow", Value: allowed}}, nil)
	case x.preflight():
	case !x.matchRoute():
	case x.request.isUpgrade():
		if a := checkHandshake(x.request); a != nil {
			x.sendError(a)
			return
		}
		x.routeUpgrade(onWebSocket)
	case x.request.Path == startPath && x.request.Method == http.MethodGet:
		x.tellStart()
	case x.pathRoute != nil && x.pathRoute.backend != nil:
		x.forward(x.pathRoute.backend)
	case onWebSocket:
		x.routeOther()
	default:
		x.forward(x.proxy.rest)
	}
}

func (x *exchange) routeUpgrade(onWebSocket bool) {
	p := x.proxy
	switch {
	case x.pathRoute != nil && x.pathRoute.backend != nil:
		x.tunnel(x.pathRoute.backend)
	case !onWebSocket && p.ws != nil:
		x.tunnel(p.ws)
	case !onWebSocket:
		x.tunnel(p.rest)
	case p.ws == nil && !x.serverReady(): // the other two modes live with the server
	case p.pass != nil && x.tryTunnel(p.pass):
	case p.ws != nil:
		x.tunnel(p.ws)
	case p.config.WebSocket.Bridge != nil:
		x.bridge()
	default:
		x.sendError(nothingListens())
	}
}

func (x *exchange) serverReady() bool {
	_, ready := x.awaitReady(x.proxy.rest.Upstream)
	return ready
}

// routeOther serves what is no upgrade on the WebSocket listener.
func (x *exchange) routeOther() {
	p := x.proxy
	switch p.WebSocketMode(x.base()) {
	case ModePassThrough:
		x.forward(p.pass)
	case ModeUpstream:
		x.forward(p.ws)
	case ModeBridge:
		x.bridge()
	default:
		x.sendError(nothingListens())
	}
}

func nothingListens() *answer {
	return &answer{
		status: http.StatusBadGateway, code: "websocket_unavailable",
		message: "nothing answers WebSockets on this port: the server's own WebSocket API ended with letta 0.4.0, and no other is configured",
		hint:    "set x-letta-dev.websocket.upstream in compose.yaml, or --ws-upstream",
	}
}
