// Package proxy is the front of a local Letta server: it owns the listeners,
// decides what may pass, carries it to the upstream and explains itself when it
// cannot.
//
// # One connection
//
//	accept → first byte ─ 0x16 → TLS (h2, http/1.1, http/1.0)
//	                    └ else → plain HTTP/1.1, on the same port
//	request → guard ── refused → a page or JSON that says why
//	                 └ allowed → route → ready? → forward or tunnel → Access
//
// Each arrow is a file: accept.go reads the first byte, guard.go refuses,
// path_route.go and websocket_mode.go choose the upstream, ready.go waits for it,
// forward.go and roundtrip.go carry requests, websocket.go carries WebSockets,
// error_answer.go speaks where no upstream does, access.go keeps the record. An
// exchange is one request and its answer; the client's side of it is a source and a
// sink, which client_conn.go is for HTTP/1 and http2.go for HTTP/2, where net/http's
// server reads the frames.
//
// # Guard
//
// A request is served only under our names: letta.localhost, names below it,
// localhost, loopback addresses, and Config.Hosts. Everything else gets 404, so a
// name that an attacker rebinds to 127.0.0.1 reaches nothing. WebSocket upgrades
// and methods that change something are refused with 403 when their Origin is
// neither one of our names (on any port: a front end under development counts as
// ours) nor listed in Config.Origins. Programs that send no Origin pass; a form or a
// script that sends none does not where its browser says that it is of another site
// (Sec-Fetch-Site). Origin: null is refused too, but for a page of the very origin it
// asks, as the same field says: one with Referrer-Policy: no-referrer withholds its name.
//
// A head of more than 64 KiB or 256 fields is answered 431, and a first line of more
// than 16 KiB 414, measured over HTTP/2 as the lines that HTTP/1.1 would have.
//
// Config.Policy asks for more, all of it off by default: see package policy.
//
// # Routes
//
// A route takes the requests below its path, compared byte for byte, the longest
// path first. Its upstream sees the path without that, behind the path of its own
// URL, and is told in X-Forwarded-Prefix; a Location gets it back. Pages, Link and
// cookies pass as they are: most cookies say Path=/, which holds below any route. The
// path without its final slash is redirected (308).
//
// With a route or without, a Location, Content-Location or Refresh that names the server
// itself leads back to the scheme, host and port that the client used: by its address in
// any spelling (127.0.0.1, localhost, [::1] and 0.0.0.0 are one), by one of
// Upstream.Authorities, or by the client's own name with the server's port or that of
// another listener. One to any other port stays as it is.
//
// # Forwarding
//
// Path, query and Host reach the upstream byte for byte. X-Forwarded-For, -Host,
// -Proto and -Port are ours; whatever else a client could use to lie about where
// a request came from, who sent it, or which method it means is removed, from the
// trailer too; Config.Policy may set what the proxy does not write itself:
//
//	X-Forwarded* Forwarded Forwarded-For X-Forward-For X-Forwarder-For
//	X-Original-URL X-Original-* X-Real-IP X-Client-IP Client-IP True-Client-IP
//	X-Cluster-Client-IP X-Originating-IP X-ProxyUser-IP Proxy-Client-IP
//	Fastly-Client-IP Remote-Addr X-Remote-User X-Remote-* Remote-User
//	Remote-User-* X-WebAuth-* Tailscale-User-* X-SSL-* SSL-Client-*
//	X-Client-Cert X-Client-DN X-Client-Verify X-ARR-ClientCert
//	MS-ASPNETCORE-ClientCert X-Host X-HTTP-Host-Override X-Scheme X-URL-Scheme
//	X-ARR-SSL Front-End-Https Fastly-SSL X-Rewrite-URL X-Script-Name
//	Script-Name Path-Info X-HTTP-Method-Override X-HTTP-Method
//	X-Method-Override X-Sendfile-Type X-Accel-Mapping Proxy X-Envoy-*
//	WL-Proxy-* CF-Connecting-* CF-Visitor Fly-Client-* Fly-Forwarded-*
//	X-Azure-* X-Appengine-*
//
// Via carries a name that is unique to this process, and a request that comes back
// with it is answered 508. What has come is
// sent before more is waited for: HTTP/2 and gzip each gather up to 32 KiB on its way,
// and keep none of it back. Nothing streamed is timed: a Letta answer may be silent
// for half an hour (RFC 9110, section 7.6, for the fields). A request's body may take as long
// as it likes while it moves; one of which nothing has come for five minutes, and no
// answer has begun, is answered 408. An answer that has begun outlives a body that
// breaks off, and one that comes before its body was read is heard: of the rest, 64 MiB
// are read for two seconds at most before the connection ends, or the stream of HTTP/2.
//
// A connection carries on only where both sides agree where the message ended. An
// answer that breaks off is seen as such by the client, and one that is malformed,
// or followed by more than it announced, is the last on the upstream's connection.
// An idempotent request without a body, on a connection that the upstream ended
// before a byte of the answer, is sent once more (RFC 9110, section 9.2.2).
//
// # WebSockets
//
// An upgrade is answered by the upstream, never by us: the handshake is written
// to it, its 101 is checked and handed back, and from then on bytes pass both
// ways, half-close included (RFC 6455), and are not changed; what is known of them
// is where a frame ends. A silent WebSocket keeps two small goroutines, and no
// buffer where its sockets can be waited for: on Windows, and towards an upstream
// behind TLS or an engine's stream, that takes one. No clock runs for it: a peer that
// vanished is found by TCP's own keep-alive. On the listener marked WebSocket the way
// is found for each connection: the container's own port, a configured upstream,
// or Config.WebSocket.Bridge.
//
// # Stop
//
// When the context of Serve ends, listeners close first, then idle connections and
// held requests. Both sides of a WebSocket get a Close with code 1001, where that
// fits between two frames, and two seconds to answer it. Streams may finish for
// Config.Grace and are then cut. Serve returns when nothing of the proxy runs any more.
//
// A panic ends the request, WebSocket or connection it happened in, and is written to
// Config.ErrorLog.
package proxy
