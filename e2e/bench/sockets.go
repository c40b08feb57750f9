package main

import (
	"crypto/tls"
	"fmt"
	"os"
	"strings"
	"time"
)

// crowd is how many WebSockets fit into 20 000 descriptors: each takes two of the proxy's.
const crowd = 9000

// sockets opens a crowd of WebSockets, leaves them alone, and then has an echo on each.
func (b *bench) sockets() error {
	cert, key := b.pair()
	if _, err := os.Stat(cert); err != nil {
		if _, err := b.timed("certs", "create", "--cert-file", cert, "--key-file", key, "localhost"); err != nil {
			return err
		}
	}
	upstream, err := b.role(1, "upstream")
	if err != nil {
		return err
	}
	defer upstream.stop()
	proxy, err := b.ownPeer(strings.Replace(upstream.address, "localhost", "127.0.0.1", 1))
	if err != nil {
		return err
	}
	defer proxy.stop()
	before, err := resident(proxy.pid)
	if err != nil {
		return err
	}
	begin := time.Now()
	conns := make([]*tls.Conn, crowd)
	for i := range conns {
		if conns[i], err = b.webSocket(proxy.address); err != nil {
			return fmt.Errorf("the WebSocket after %d: %w", i, err)
		}
		defer conns[i].Close()
	}
	opened, err := resident(proxy.pid)
	if err != nil {
		return err
	}
	fmt.Printf("%d WSS connections, open in %.1f s: %.1f KiB each\n", crowd, time.Since(begin).Seconds(), float64(opened-before)/crowd)
	for i, conn := range conns {
		if err := echoOnce(conn); err != nil {
			return fmt.Errorf("the echo on the one after %d: %w", i, err)
		}
	}
	talked, err := resident(proxy.pid)
	fmt.Printf("  after an echo on each: %.1f KiB each\n", float64(talked-before)/crowd)
	return err
}
