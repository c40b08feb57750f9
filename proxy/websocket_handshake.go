package proxy

import (
	"context"
	"crypto/sha1"
	"encoding/base64"
	"errors"
	"iter"
	"net/http"
	"strings"
	"time"

	"github.com/letta-dev/letta-dev/proxy/http1"
)

// checkHandshake refuses an upgrade that RFC 6455, section 4.2.1, does not allow.
func checkHandshake(r *request) *answer {
	const name, version = "Sec-WebSocket-Key", "Sec-WebSocket-Version"
	key, _ := base64.StdEncoding.DecodeString(r.Fields.Get(name))
	switch {
	case r.Method != http.MethodGet || r.hasBody():
		return malformed(http.StatusBadRequest, "a WebSocket handshake is a GET without a body")
	case namesHandshake(r.Fields.Tokens("Connection")):
		return malformed(http.StatusBadRequest, "Connection names a field of the handshake, which would not reach the server then")
	case r.Fields.Count(version) != 1 || r.Fields.Get(version) != "13":
		a := malformed(http.StatusUpgradeRequired, "only version 13 of the WebSocket protocol is spoken here")
		a.fields = upgrading(http1.Fields{{Name: version, Value: "13"}}, "websocket")
		return a
	case len(key) != 16 || r.Fields.Count(name) != 1:
		return malformed(http.StatusBadRequest, "the Sec-WebSocket-Key of the handshake is not 16 bytes")
	}
	return nil
}

// namesHandshake reports whether a Connection field has what it must not (RFC 9110, section 7.6.1): a field for the other end.
func namesHandshake(options iter.Seq[string]) bool {
	for option := range options {
		if strings.HasPrefix(lower(option), "sec-websocket-") {
			return true
		}
	}
	return false
}

// handshake sends the client's handshake to a backend and reads the answer, which
// need not be a 101. It fails with a *dialError, errNoAnswer or what went wrong.
func (x *exchange) handshake(ctx context.Context, b *backend, limit time.Duration) (*upstreamConn, error) {
	up, err := b.open(ctx, limit)
	if err != nil {
		return nil, err
	}
	release := context.AfterFunc(ctx, func() { up.Close() })
	x.setCloser(up.Conn)
	x.watch()
	up.first.begin(x.proxy)
	err = up.first.end(x.exchangeHandshake(b, up))
	up.first.timer = nil // the connection goes on without it
	x.unwatch()
	x.setCloser(nil)
	if !release() && err == nil {
		err = context.Cause(ctx)
	}
	if err != nil {
		up.Close()
		return nil, err
	}
	return up, nil
}

func (x *exchange) exchangeHandshake(b *backend, up *upstreamConn) error {
	fields := upgrading(x.outgoing(nil, b.Upstream), "websocket")
	up.out.Request(x.request.Method, b.webSocketTarget(x.target), fields, http1.Framing{})
	_ = up.out.Flush() // where that fails, so will the answer, which knows why
	if err := up.in.Wait(); err != nil {
		return noAnswer(err) // a reset, perhaps before it read all, is none either
	}
	if err := x.final(up, nil); err != nil {
		return err
	}
	return checkAccept(x.request, &up.answer)
}

// upgrading adds the fields of an upgrade, which end at each connection (RFC 9110,
// section 7.8).
func upgrading(fields http1.Fields, protocol string) http1.Fields {
	return append(fields, http1.Field{Name: "Connection", Value: "Upgrade"}, http1.Field{Name: "Upgrade", Value: protocol})
}

// requiring adds to a 426 what it is about (RFC 9110, section 15.5.22).
func requiring(fields http1.Fields, protocol string) http1.Fields {
	if protocol == "" {
		return fields
	}
	return upgrading(fields, protocol)
}

// checkAccept holds a 101 to RFC 6455, section 4.1: an upstream that switched to
// something else must not talk to a browser that believes in WebSockets.
func checkAccept(r *request, answer *http1.Response) error {
	if answer.Status != http.StatusSwitchingProtocols {
		return nil
	}
	sum := sha1.Sum([]byte(r.Fields.Get("Sec-WebSocket-Key") + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	const accept = "Sec-WebSocket-Accept"
	if !answer.Fields.HasToken("Connection", "upgrade") || !answer.Fields.HasToken("Upgrade", "websocket") ||
		answer.Fields.Count(accept) != 1 || answer.Fields.Get(accept) != base64.StdEncoding.EncodeToString(sum[:]) {
		return errors.New("its 101 does not fit the handshake")
	}
	return nil
}
