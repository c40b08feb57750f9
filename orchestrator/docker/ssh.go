package docker

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"syscall"

	"github.com/docker/cli/cli/connhelper"
	"github.com/moby/moby/client"
)

// overSSH returns the options for a host that is reached by running ssh, and none for any other.
func overSSH(host string) ([]client.Opt, error) {
	helper, err := connhelper.GetConnectionHelper(host)
	if helper == nil || err != nil {
		return nil, err
	}
	return []client.Opt{client.WithDialContext(func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := helper.Dialer(ctx, network, addr)
		if duplex, ok := conn.(halfCloser); ok {
			conn = &explained{halfCloser: duplex}
		}
		return conn, err
	})}, nil
}

// halfCloser is a connection that can be told that nothing more will be written, as what runs in a container must be.
type halfCloser interface {
	net.Conn
	CloseWrite() error
}

// explained is a connection through a command. Who reads learns what the command printed when it ended; who writes, and may be the first to
// notice, would only learn that a pipe is broken or closed.
type explained struct {
	halfCloser
	reading sync.Mutex
	why     error // what ended the reading
}

func (c *explained) Read(p []byte) (int, error) {
	c.reading.Lock()
	defer c.reading.Unlock()
	if c.why != nil {
		return 0, c.why
	}
	n, err := c.halfCloser.Read(p)
	c.why = err
	return n, err
}

func (c *explained) Write(p []byte) (int, error) {
	n, err := c.halfCloser.Write(p)
	if errors.Is(err, syscall.EPIPE) || errors.Is(err, os.ErrClosed) {
		if _, why := c.Read(make([]byte, 1)); why != nil && !errors.Is(why, io.EOF) {
			err = why
		}
	}
	return n, err
}
