package main

import (
	"io"
	"net"
	"strings"
	"sync"
)

// tap carries connections between a socket of its own and an engine's, until it is closed.
type tap struct {
	engine, socket string

	mu    sync.Mutex
	ends  []io.Closer // what close ends
	going sync.WaitGroup
}

func (t *tap) open() error {
	l, err := net.Listen("unix", t.socket)
	if err != nil {
		return err
	}
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
		_, _ = io.Copy(engine, conn)
		if half, ok := engine.(interface{ CloseWrite() error }); ok {
			_ = half.CloseWrite()
		}
	})
	_, _ = io.Copy(conn, engine)
}

func (t *tap) closeLater(ends ...io.Closer) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.ends = append(t.ends, ends...)
}

func (t *tap) close() {
	t.mu.Lock()
	for _, c := range t.ends {
		_ = c.Close()
	}
	t.ends = nil
	t.mu.Unlock()
	t.going.Wait()
}
