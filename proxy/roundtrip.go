package proxy

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"time"

	"github.com/letta-dev/letta-dev/proxy/http1"
)

const (
	// continueAfter is how long an upstream may take to ask for a body whose client
	// waits for that. Servers that do not know the expectation never ask (RFC 9110,
	// section 10.1.1).
	continueAfter = time.Second
	// maxInformal bounds the answers before the final one.
	maxInformal = 32
)

// errNoAnswer is a connection that ended before the first byte of an answer.
var errNoAnswer = errors.New("the connection was closed without an answer")

func noAnswer(cause error) error {
	if cause == io.EOF {
		return errNoAnswer
	}
	return fmt.Errorf("%w: %w", errNoAnswer, cause)
}

// errNotFinal is one that ended behind 1xx: those are answers.
var errNotFinal = errors.New("the connection was closed without a final answer")

// roundTrip sends the request to an upstream and the answer to the client. It returns
// an error while nothing has been answered; an answer that breaks off later makes
// the exchange broken.
func (x *exchange) roundTrip(b *backend) error {
	up, err := b.connect(x.base())
	if err != nil {
		return err
	}
	// A server may end a connection at rest at any moment, this one included.
	last := !up.used || !x.request.repeatable()
	err = x.attempt(b, up)
	if last || !errors.Is(err, errNoAnswer) || x.isCut() {
		return err
	}
	if up, err = b.open(x.base(), dialTimeout); err != nil {
		return err
	}
	return x.attempt(b, up)
}

// A roundTrip is one exchange on a connection to an upstream.
type roundTrip struct {
	x      *exchange
	up     *upstreamConn
	upload *upload // nil where the request was sent at once
}

func (x *exchange) attempt(b *backend, up *upstreamConn) (err error) {
	c := &roundTrip{x: x, up: up}
	clean := false
	defer func() { c.end(b, clean) }() // behind a panic too
	x.setCloser(up.Conn)
	up.first.begin(x.proxy)
	c.send(b)
	clean, err = c.receive()
	return err
}

// end returns when nobody reads from the client or writes to the upstream any more. A
// clean connection is kept for others.
func (c *roundTrip) end(b *backend, clean bool) {
	_ = c.up.first.end(nil) // behind a panic
	clean = c.upload.finish() && clean
	c.x.unwatch()
	c.x.setCloser(nil) // before another exchange may hold it
	if clean && len(c.up.in.Buffered()) == 0 && c.up.answer.Persistent() {
		b.keep(c.up)
	} else {
		c.up.Close()
	}
}

// send writes the request, or as much as can be written without waiting for the
// client; the rest is uploaded beside the answer. It does not fail: an upstream
// that stopped reading may have answered before, and if not, the answer will fail.
// One that does not read at all holds it up as long as the client stays.
func (c *roundTrip) send(b *backend) {
	x, r, out := c.x, c.x.request, c.up.out
	c.up.fields = x.outgoing(c.up.fields[:0], b.Upstream)
	out.Request(r.Method, x.target, c.up.fields, r.Framing)
	x.watch()
	switch {
	case !r.hasBody():
		out.End(nil)
		out.Flush()
	case x.body.whole():
		_ = copyBody(x, c.up)
	default:
		out.Flush()
		x.unwatch()
		c.upload = startUpload(x, c.up)
	}
}

// receive relays the answer. It returns whether that came to its end in good
// order, or an error as long as nothing was answered.
func (c *roundTrip) receive() (clean bool, err error) {
	if err := c.up.first.end(c.x.final(c.up, c.upload)); err != nil {
		return false, err
	}
	if c.up.answer.Status == http.StatusSwitchingProtocols {
		return false, errors.New("it switched protocols unasked")
	}
	c.upload.settle()
	if err := c.x.bodyErr.Load(); err != nil { // the connection is closed for it
		return false, *err
	}
	return c.x.relay(c.up), nil
}

// final reads the head of the final answer; those before it start the upload, or go on
// to the client.
func (x *exchange) final(up *upstreamConn, u *upload) error {
	for informed := range maxInformal {
		switch err := up.in.Response(&up.answer, x.request.Method); {
		case err == nil:
		case informed == 0 && (err == io.EOF || up.used && isReset(err)):
			return noAnswer(err)
		case err == io.EOF:
			return errNotFinal
		default:
			return err
		}
		switch status := up.answer.Status; {
		case status == http.StatusContinue:
			u.start()
		case status == http.StatusSwitchingProtocols, status >= 200:
			return nil
		default:
			x.out.inform(status, x.informal(up.answer.Fields))
		}
	}
	return errors.New("it informs without end")
}

// informal are the fields of an answer that is not final. What we set or remove is for us to say, in the final one.
func (x *exchange) informal(fields http1.Fields) http1.Fields {
	return slices.DeleteFunc(passing(nil, fields), func(f http1.Field) bool { return edits(x.proxy.edited, f.Name) })
}

// relay passes a final answer on, and reports whether it came to its end.
func (x *exchange) relay(up *upstreamConn) bool {
	body := up.in.Body(up.answer.Framing)
	fields := passing(up.passed.Fields[:0], up.answer.Fields)
	up.passed = up.answer
	up.passed.Fields = fields
	head := &up.passed
	if head.Status == http.StatusUpgradeRequired && x.conn != nil {
		head.Fields = requiring(head.Fields, up.answer.Fields.Get("Upgrade"))
	}
	x.fixLocations(head.Fields, up)
	x.keepStatic(head)
	x.pack(head)
	err := x.begin(head)
	up.in.Before = x.flush
	for err == nil {
		var piece []byte
		switch piece, err = body.Next(); err {
		case nil:
			err = x.relayed(piece)
		case io.EOF:
			if x.end(trailing(body.Trailer(), x.proxy.edited)) == nil {
				return true
			}
		default:
			x.brokeOff(err)
			x.flush() // an end without a word would look like one at rest, and the client might ask again
		}
	}
	x.broken = true
	return false
}

// copyBody sends the body as it comes. After an error the upstream has not got its end.
func copyBody(x *exchange, up *upstreamConn) error {
	for {
		piece, err := x.next()
		switch {
		case err == io.EOF:
			up.out.End(trailing(x.body.trailer(), x.proxy.table.Request))
			return up.out.Flush()
		case err != nil:
			return err
		}
		if err := up.out.Piece(piece); err != nil {
			return err
		}
	}
}
