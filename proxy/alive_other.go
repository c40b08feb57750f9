//go:build !unix

package proxy

import "net"

// A liveness cannot tell here whether a connection at rest is still open, and silent.
type liveness struct{}

func (*liveness) watch(net.Conn) {}
func (*liveness) canTell() bool  { return false }
func (*liveness) alive() bool    { return false }

// sendsNoMore cannot tell either.
func sendsNoMore(net.Conn) error { return nil }
