package proxy

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"time"
)

// A pipe is one side of a relay: a connection, and the reader that has what was
// already read from it.
type pipe struct {
	net.Conn
	reader io.Reader
}

// relay copies bytes both ways until both directions have ended, one has failed,
// or ctx is done, and closes both connections. The end of one direction is passed
// on as such, for the close of a WebSocket (golang/go#72140); the other direction
// then has halfOpen left, since a peer that vanished never ends it.
func relay(ctx context.Context, client, upstream pipe, halfOpen time.Duration) error {
	shut := func() { client.Close(); upstream.Close() }
	release := context.AfterFunc(ctx, shut)
	defer release()
	defer shut()

	ends := make(chan error, 2)
	go func() { ends <- copyHalf(upstream, client, "the client") }()
	go func() { ends <- copyHalf(client, upstream, "the upstream") }()
	err := <-ends
	if err != nil {
		shut()
	} else {
		deadline := time.Now().Add(halfOpen)
		client.SetReadDeadline(deadline)
		upstream.SetReadDeadline(deadline)
	}
	return errors.Join(err, quiet(<-ends, err))
}

// quiet drops the second failure of a relay: closing caused it.
func quiet(second, first error) error {
	if first != nil {
		return nil
	}
	return second
}

// copyHalf copies until from ends, and ends to.
func copyHalf(to, from pipe, side string) error {
	buf := make([]byte, 8<<10)
	for {
		n, err := from.reader.Read(buf)
		if n > 0 {
			if _, werr := to.Write(buf[:n]); werr != nil {
				return fmt.Errorf("relaying from %s: %w", side, werr)
			}
		}
		if err == io.EOF {
			closeWrite(to.Conn)
			return nil
		}
		if err != nil {
			return fmt.Errorf("relaying from %s: %w", side, err)
		}
	}
}

// closeWrite ends the sending direction where the connection can do that. Where
// it cannot, the peer learns of the end when the relay closes.
func closeWrite(c net.Conn) error {
	if half, ok := c.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return errors.ErrUnsupported
}
