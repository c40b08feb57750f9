//go:build !unix

package proxy

import "net"

// A liveness cannot tell here whether a connection at rest is still open; a write
// will.
type liveness struct{}

func (*liveness) watch(net.Conn) {}
func (*liveness) alive() bool    { return true }
