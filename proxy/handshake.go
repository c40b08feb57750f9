package proxy

import (
	"bufio"
	"context"
	"crypto/sha1"
	"encoding/base64"
	"errors"
	"io"
	"math"
	"net"
	"net/http"
	"strings"
	"time"
)

// checkHandshake refuses an upgrade that RFC 6455, section 4.2.1, does not allow.
func checkHandshake(r *http.Request) *answer {
	key, _ := base64.StdEncoding.DecodeString(r.Header.Get("Sec-WebSocket-Key"))
	versions := r.Header["Sec-Websocket-Version"]
	switch {
	case r.Method != http.MethodGet || r.ContentLength != 0:
		return malformed(http.StatusBadRequest, "a WebSocket handshake is a GET without a body")
	case len(versions) != 1 || strings.TrimSpace(versions[0]) != "13":
		a := malformed(http.StatusUpgradeRequired, "only version 13 of the WebSocket protocol is spoken here")
		a.header = map[string]string{"Sec-WebSocket-Version": "13", "Upgrade": "websocket", "Connection": "close, Upgrade"}
		return a
	case len(key) != 16 || len(r.Header["Sec-Websocket-Key"]) != 1:
		return malformed(http.StatusBadRequest, "the Sec-WebSocket-Key of the handshake is not 16 bytes")
	}
	return nil
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
