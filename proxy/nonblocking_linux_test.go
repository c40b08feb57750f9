//go:build amd64 || arm64

package proxy

import (
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/net/nettest"
)

// quickPair is two ends of a TCP connection.
func quickPair(t testing.TB) (here, there net.Conn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if here, err = net.Dial("tcp", l.Addr().String()); err == nil {
		there, err = l.Accept()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { here.Close(); there.Close() })
	calls := new(sync.Pool)
	return newQuickConn(here.(*net.TCPConn), calls), newQuickConn(there.(*net.TCPConn), calls)
}

// TestQuickConnIsAConn: what holds for every net.Conn, deadlines, closing and concurrent use included.
func TestQuickConnIsAConn(t *testing.T) {
	nettest.TestConn(t, func() (here, there net.Conn, stop func(), err error) {
		here, there = quickPair(t)
		return here, there, func() { here.Close(); there.Close() }, nil
	})
}

// TestQuickConnFailsAsTheSocketDoes: whoever asks what an error is, or reads it, learns the same.
func TestQuickConnFailsAsTheSocketDoes(t *testing.T) {
	read := func(c net.Conn) error { _, err := c.Read(make([]byte, 1)); return err }
	for name, row := range map[string]struct {
		fail func(here, there net.Conn) error
		want error
	}{
		"the end":           {func(here, there net.Conn) error { there.Close(); return read(here) }, io.EOF},
		"a reset":           {func(here, there net.Conn) error { reset(there); return read(here) }, syscall.ECONNRESET},
		"a deadline":        {func(here, _ net.Conn) error { here.SetReadDeadline(time.Unix(1, 0)); return read(here) }, os.ErrDeadlineExceeded},
		"its own end":       {func(here, _ net.Conn) error { here.Close(); return read(here) }, net.ErrClosed},
		"a write behind it": {func(here, _ net.Conn) error { here.Close(); _, err := here.Write([]byte("a")); return err }, net.ErrClosed},
		"a write behind a reset": {func(here, there net.Conn) error {
			reset(there)
			_ = read(here)
			_, err := here.Write([]byte("a"))
			return err
		}, syscall.EPIPE},
	} {
		t.Run(name, func(t *testing.T) {
			here, there := quickPair(t)
			err := row.fail(here, there)
			if !errors.Is(err, row.want) {
				t.Errorf("%v, want %v", err, row.want)
			}
			var op *net.OpError
			if err != io.EOF && (!errors.As(err, &op) || op.Op != "read" && op.Op != "write" || op.Addr == nil) {
				t.Errorf("%#v", err)
			}
		})
	}
}

func reset(c net.Conn) {
	_ = c.(interface{ SetLinger(int) error }).SetLinger(0)
	c.Close()
}

// TestQuickConnWritesAll, however little of it there is room for at a time.
func TestQuickConnWritesAll(t *testing.T) {
	here, there := quickPair(t)
	const size = 8 << 20
	sent := make(chan error, 1)
	go func() {
		n, err := here.Write(make([]byte, size))
		if n != size {
			err = errors.Join(err, io.ErrShortWrite)
		}
		here.Close()
		sent <- err
	}()
	n, err := io.Copy(io.Discard, struct{ io.Reader }{there})
	if n != size || err != nil {
		t.Errorf("%d bytes came, %v", n, err)
	}
	if err := <-sent; err != nil {
		t.Error(err)
	}
}
