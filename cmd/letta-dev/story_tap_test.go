package main

import (
	"io"
	"net"
	"strings"
	"sync"
)

// tap carries connections between a socket of its own and an engine's, until it is closed. Its end is one moment for all of them: who
// sees one connection end gets nothing through another.
type tap struct {
	engine, socket string

	mu     sync.Mutex
	closed bool
	ends   []io.Closer // what close ends
	going  sync.WaitGroup
}

func (t *tap) open() error {
	l, err := net.Listen("unix", t.socket)
	if err != nil {
		return err
	}
	t.mu.Lock()
	t.closed = false
	t.mu.Unlock()
	t.closeLater(l)
	t.going.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			t.going.Go(func() { t.carry(conn) })
		}
	})
	return nil
}

func (t *tap) carry(conn net.Conn) {
	defer conn.Close()
	network, address, _ := strings.Cut(t.engine, "://")
	engine, err := net.Dial(network, address)
	if err != nil {
		return
	}
	defer engine.Close()
	t.closeLater(conn, engine)
	t.going.Go(func() {
		_, _ = io.Copy(writerFunc(func(p []byte) (int, error) { return t.pass(engine, p) }), conn)
		if half, ok := engine.(interface{ CloseWrite() error }); ok {
			_ = half.CloseWrite()
		}
	})
	_, _ = io.Copy(conn, engine)
}

// pass hands on what was said to the engine before the end.
func (t *tap) pass(engine io.Writer, p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return 0, net.ErrClosed
	}
	return engine.Write(p)
}

// closeLater has close end these, or ends them where it has been.
func (t *tap) closeLater(ends ...io.Closer) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.ends = append(t.ends, ends...)
	if t.closed {
		t.end()
	}
}

func (t *tap) end() {
	for _, c := range t.ends {
		_ = c.Close()
	}
	t.ends = nil
}

func (t *tap) close() {
	t.mu.Lock()
	t.closed = true
	t.end()
	t.mu.Unlock()
	t.going.Wait()
}
