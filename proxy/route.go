package proxy

import (
	"context"
	"net/http"
	"time"

	"github.com/letta-dev/letta-dev/proxy/http1"
)

// Route is the way WebSockets on the marked listener take.
type Route string

// The routes, in the order they are tried.
const (
	RoutePassThrough Route = "pass-through" // the container's own port
	RouteUpstream    Route = "upstream"     // the configured WebSocket upstream
	RouteBridge      Route = "bridge"       // answered here
	RouteNone        Route = "none"
)

// WebSocketRoute tells which way an upgrade on the WebSocket listener would take
// now. It connects to the pass-through port to find out, which takes at most a
// second.
func (p *Proxy) WebSocketRoute(ctx context.Context) Route {
	switch {
	case p.pass != nil && p.inhabited(ctx, p.pass.Upstream):
		return RoutePassThrough
	case p.ws != nil:
		return RouteUpstream
	case p.config.WebSocket.Bridge != nil:
		return RouteBridge
	}
	return RouteNone
}

// inhabited reports whether something listens. That a connection is accepted does
// not say so: Docker's own proxy accepts for a published port whatever is behind
// it, and closes at once.
func (p *Proxy) inhabited(ctx context.Context, u *Upstream) bool {
	conn, err := u.dial(ctx, p.limits.reach)
	if err != nil {
		return false
	}
	defer conn.Close()
	conn.SetReadDeadline(time.Now().Add(p.limits.silence))
	_, err = conn.Read(make([]byte, 1))
	return err == nil || isTimeout(err)
}

// route sends an exchange that passed the policy on its way.
func (x *exchange) route() {
	onWebSocket := x.request.listener.WebSocket
	switch {
	case x.request.isForUs():
		x.say(http.StatusNoContent, http1.Fields{{Name: "Allow", Value: allowed}}, nil)
	case x.preflight():
	case !x.locate():
	case x.request.isUpgrade():
		if a := checkHandshake(x.request); a != nil {
			x.respond(a)
			return
		}
		x.routeUpgrade(onWebSocket)
	case x.request.Path == startPath && x.request.Method == http.MethodGet:
		x.tellStart()
	case x.way != nil && x.way.backend != nil:
		x.forward(x.way.backend)
	case onWebSocket:
		x.routeOther()
	default:
		x.forward(x.proxy.rest)
	}
}

func (x *exchange) routeUpgrade(onWebSocket bool) {
	p := x.proxy
	switch {
	case x.way != nil && x.way.backend != nil:
		x.tunnel(x.way.backend)
	case !onWebSocket && p.ws != nil:
		x.tunnel(p.ws)
	case !onWebSocket:
		x.tunnel(p.rest)
	case p.ws == nil && !x.serverReady(): // the other two ways live with the server
	case p.pass != nil && x.tryTunnel(p.pass):
	case p.ws != nil:
		x.tunnel(p.ws)
	case p.config.WebSocket.Bridge != nil:
		x.bridge()
	default:
		x.respond(nothingListens())
	}
}

func (x *exchange) serverReady() bool {
	_, ready := x.awaitReady(x.proxy.rest.Upstream)
	return ready
}

// routeOther serves what is no upgrade on the WebSocket listener.
func (x *exchange) routeOther() {
	p := x.proxy
	switch p.WebSocketRoute(x.base()) {
	case RoutePassThrough:
		x.forward(p.pass)
	case RouteUpstream:
		x.forward(p.ws)
	case RouteBridge:
		x.bridge()
	default:
		x.respond(nothingListens())
	}
}

func nothingListens() *answer {
	return &answer{
		status: http.StatusBadGateway, code: "websocket_unavailable",
		message: "nothing answers WebSockets on this port: the server's own WebSocket API ended with letta 0.4.0, and no other is configured",
		hint:    "set x-letta-dev.websocket.upstream in compose.yaml, or --ws-upstream",
	}
}
