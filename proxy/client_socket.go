package proxy

import (
	"errors"
	"net"
	"os"
	"time"

	"github.com/letta-dev/letta-dev/crash"
)

// A conn is a client's connection: the bytes read ahead, and where it came in.
type conn struct {
	net.Conn
	listener *Listener
	local    string // address it came in on
	ahead    []byte
	heard    *alertRecord // during a TLS handshake; else nil
	tapped   bool         // an idleReader reads it, and puts what it gets into ahead
	end      error        // or here
}

func (c *conn) Read(p []byte) (int, error) {
	if len(c.ahead) > 0 {
		n := copy(p, c.ahead)
		c.ahead = c.ahead[n:]
		return n, nil
	}
	switch {
	case c.end != nil:
		return 0, c.end
	case c.tapped:
		return 0, errDry
	}
	n, err := c.Conn.Read(p)
	if c.heard != nil {
		c.heard.note(p[:n])
	}
	return n, err
}

// stop and cut end a connection that has not asked for anything yet.
func (c *conn) stop() { c.Close() }
func (c *conn) cut()  { c.Close() }

func (c *conn) CloseWrite() error { return closeWrite(c.Conn) }

// watch reads ahead, up to a bound, until release is called; ended is called when
// the client sends no more, and with io.EOF where it said so. Nobody else may read before release has returned.
// A client that has sent more than the bound behind its request is not watched any further: asking its socket for the end would
// be another way for each system, and for TLS, and no client that pipelines that much has been seen.
func (c *conn) watch(ended func(error)) (release func()) {
	c.SetReadDeadline(time.Time{})
	done := make(chan struct{})
	go func() {
		defer crash.Recover()
		defer close(done)
		if err := c.readAhead(maxHead); err != nil && !errors.Is(err, os.ErrDeadlineExceeded) { // which release sets
			ended(err)
		}
	}()
	return func() {
		c.SetReadDeadline(time.Unix(1, 0)) // wakes the reader
		<-done
		c.SetReadDeadline(time.Time{})
	}
}

// readAhead returns nil when it has read as much as it may.
func (c *conn) readAhead(limit int) error {
	buf := make([]byte, 4<<10)
	for len(c.ahead) < limit {
		n, err := c.Conn.Read(buf)
		c.ahead = append(c.ahead, buf[:n]...)
		if err != nil {
			return err
		}
	}
	return nil
}

func isTimeout(err error) bool {
	var ne net.Error
	return errors.As(err, &ne) && ne.Timeout()
}
