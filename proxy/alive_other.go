//go:build !unix

package proxy

import "net"

// alive cannot tell here; a write will.
func alive(net.Conn) bool { return true }
