//go:build !linux

package proxy

import "net"

// abandoned cannot be told here.
func abandoned(net.Conn) bool { return false }
