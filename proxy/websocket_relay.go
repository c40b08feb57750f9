package proxy

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// A webSocket is a tunnel after its handshake: bytes pass both ways until both
// directions have ended, one has failed, or the proxy stops. It keeps nothing of
// the exchange that began it but the record, and each direction is one goroutine
// that holds no buffer while it waits.
type webSocket struct {
	proxy    *Proxy
	access   Access
	inbound  direction // from the client
	outbound direction

	mu       sync.Mutex
	stopping bool
	leave    time.Time // until then both sides may take leave, once stopping
	err      error     // the first; what comes after it is its consequence
}

// A direction is from one side to the other.
type direction struct {
	of     *webSocket
	from   idleReader
	to     net.Conn
	frames frames
	bytes  atomic.Int64
	before int64 // bytes when halfOpen began, or began anew; guarded by of.mu
	torn   bool  // a Write failed, perhaps within a frame
	done   bool  // guarded by of.mu
}

// closedAtStop is the cause in the record of a WebSocket that the proxy's stop ended.
const closedAtStop = "closed at stop"

// newWebSocket joins a client to the upstream that switched protocols.
func newWebSocket(c *clientConn, up *upstreamConn, access Access) *webSocket {
	c.wire.SetReadDeadline(time.Time{})      // of the time before the request; from here no clock runs
	access.Host = strings.Clone(access.Host) // it is cut from the head, which is no longer needed
	w := &webSocket{proxy: c.proxy, access: access}
	w.inbound = direction{of: w, from: idleClient(c), to: up.Conn}
	w.outbound = direction{of: w, from: idleUpstream(up, c.proxy.bodies), to: c.wire}
	return w
}

// begin returns at once.
func (w *webSocket) begin() {
	w.proxy.conns.add(w)
	go w.inbound.run()
	go w.outbound.run()
}

func (d *direction) inbound() bool { return d == &d.of.inbound }

func (d *direction) other() *direction {
	if d.inbound() {
		return &d.of.outbound
	}
	return &d.of.inbound
}

// side is where it comes from.
func (d *direction) side() string {
	if d.inbound() {
		return "the client"
	}
	return "the upstream"
}

// run relays until the direction ends. That its stack has grown once it has been
// through crypto/tls is left to the garbage collector: to go on in a fresh goroutine
// costs a third more for each message.
func (d *direction) run() {
	defer d.of.proxy.contain(d.abort)
	err := error(errDry)
	for err == error(errDry) || d.renewHalfOpen(err) {
		err = d.relay()
	}
	d.from.release()
	d.of.ended(d, d.end(err))
}

func (d *direction) abort(cause any) {
	d.of.ended(d, fmt.Errorf("relaying from %s: panic: %v", d.side(), cause))
}

// relay waits for something, and copies all there is. It always returns an error:
// errDry for a direction that goes on.
func (d *direction) relay() error {
	if err := d.from.wait(); err != nil {
		return err
	}
	for {
		piece, err := d.from.take()
		if err != nil {
			return err
		}
		d.frames.follow(piece)
		d.bytes.Add(int64(len(piece)))
		if _, err := d.to.Write(piece); err != nil {
			d.torn = true
			return err
		}
	}
}

// end passes an end on as such, for the close of a WebSocket (golang/go#72140), and
// returns any other reason for it.
func (d *direction) end(err error) error {
	switch {
	case d.of.isStopping():
		d.sendClose()
		return nil
	case err == io.EOF:
		closeWrite(d.to)
		return nil
	case d.torn:
		return fmt.Errorf("relaying to %s: %w", d.other().side(), err)
	case errors.Is(err, os.ErrDeadlineExceeded):
		return fmt.Errorf("%s sent nothing for %v, and %s had ended its side", d.side(), d.of.proxy.limits.halfOpen, d.other().side())
	}
	return fmt.Errorf("relaying from %s: %w", d.side(), err)
}

// sendClose sends a Close where one fits, and gives the side this direction comes
// from, which gets one too, time to answer it (RFC 6455, section 7.1.2).
func (d *direction) sendClose() {
	switch {
	case d.torn:
		hangUp(d.to)
	case d.frames.closed:
	case d.frames.between():
		if _, err := d.to.Write(goingAway(d.inbound())); err != nil {
			hangUp(d.to)
		}
	default:
		d.to.Close()
	}
	d.from.conn.SetReadDeadline(d.of.leave) // no longer changed, since stopping was seen
	for !d.frames.closed {
		piece, err := d.from.take()
		if err == error(errDry) {
			err = d.from.wait()
		}
		if err != nil {
			return
		}
		d.frames.follow(piece)
	}
}

// renewHalfOpen gives a direction whose other one has ended another halfOpen, if
// anything came in the last. No message has to do with the clock.
func (d *direction) renewHalfOpen(err error) bool {
	if !errors.Is(err, os.ErrDeadlineExceeded) {
		return false
	}
	d.of.mu.Lock()
	defer d.of.mu.Unlock()
	if d.of.stopping || d.bytes.Load() == d.before {
		return false
	}
	d.startHalfOpen()
	return true
}

// startHalfOpen is called with of.mu held.
func (d *direction) startHalfOpen() {
	d.before = d.bytes.Load()
	d.from.conn.SetReadDeadline(time.Now().Add(d.of.proxy.limits.halfOpen))
}

// ended notes that a direction has ended. The other one then has halfOpen left from
// byte to byte, since a peer that vanished never ends it.
func (w *webSocket) ended(d *direction, err error) {
	if w.isLast(d, err) {
		w.finish()
	}
}

func (w *webSocket) isLast(d *direction, err error) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if d.done { // and panicked behind it
		return false
	}
	d.done = true
	if w.err == nil {
		w.err = err
	}
	switch {
	case d.other().done:
		return true
	case err != nil:
		w.cut()
	case !w.stopping:
		d.other().startHalfOpen()
	}
	return false
}

// finish is called once, by the last goroutine.
func (w *webSocket) finish() {
	defer w.proxy.conns.remove(w)
	w.inbound.to.Close()
	w.outbound.to.Close()
	a := &w.access
	a.BytesIn, a.BytesOut = w.inbound.bytes.Load(), w.outbound.bytes.Load()
	a.Total = w.proxy.config.Now().Sub(a.Time)
	if w.isStopping() {
		a.Cause = closedAtStop
	} else if w.err != nil {
		a.Cause = w.err.Error()
	}
	w.proxy.config.Access(a)
}

func (w *webSocket) isStopping() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.stopping
}

// stop has both directions take leave: it wakes one that waits, and it finds out why.
// One that writes has as long as the leave takes, since its peer may not read at all.
func (w *webSocket) stop() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.stopping, w.leave = true, time.Now().Add(w.proxy.limits.linger)
	for _, d := range [...]*direction{&w.inbound, &w.outbound} {
		d.to.SetWriteDeadline(w.leave)
		d.from.conn.SetReadDeadline(time.Unix(1, 0))
	}
}

// cut ends both connections now.
func (w *webSocket) cut() {
	hangUp(w.inbound.to)
	hangUp(w.outbound.to)
}

// hangUp closes a connection whose peer may not read: crypto/tls would try for
// seconds to send it an alert.
func hangUp(c net.Conn) {
	if secure, ok := c.(*tls.Conn); ok {
		secure.NetConn().Close()
	}
	c.Close()
}

// closeWrite ends the sending direction where the connection can do that. Where
// it cannot, the peer learns of the end when the relay closes.
func closeWrite(c net.Conn) error {
	if half, ok := c.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return errors.ErrUnsupported
}

// isReset reports whether a peer ended a connection it had no more use for.
func isReset(err error) bool {
	return slices.ContainsFunc(resets(), func(reset error) bool { return errors.Is(err, reset) })
}
