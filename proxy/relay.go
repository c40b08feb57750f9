package proxy

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"syscall"
	"time"
)

// relay copies bytes both ways until both directions have ended, one has failed,
// or ctx is done, and closes both connections. The end of one direction is passed
// on as such, for the close of a WebSocket (golang/go#72140); the other direction
// then has halfOpen left, since a peer that vanished never ends it.
func relay(ctx context.Context, client net.Conn, up *upstreamConn, halfOpen time.Duration) error {
	shut := func() { client.Close(); up.Close() }
	release := context.AfterFunc(ctx, shut)
	defer release()
	defer shut()

	ends := make(chan error, 2)
	go func() { ends <- copyHalf(up.Conn, client, "the client") }()
	go func() { ends <- copyHalf(client, up.in, "the upstream") }()
	err := <-ends
	if err != nil {
		shut()
	} else {
		deadline := time.Now().Add(halfOpen)
		client.SetReadDeadline(deadline)
		up.SetReadDeadline(deadline)
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
func copyHalf(to net.Conn, from io.Reader, side string) error {
	buf := make([]byte, 8<<10)
	for {
		n, err := from.Read(buf)
		if n > 0 {
			if _, werr := to.Write(buf[:n]); werr != nil {
				return fmt.Errorf("relaying from %s: %w", side, werr)
			}
		}
		if err == io.EOF {
			closeWrite(to)
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

// isReset reports whether a peer ended a connection it had no more use for.
func isReset(err error) bool {
	return errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
}
