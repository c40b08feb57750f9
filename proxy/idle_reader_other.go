//go:build !unix

package proxy

import (
	"net"
	"syscall"
)

// rawOf returns nil: reading without waiting is not to be had here.
func rawOf(net.Conn) syscall.RawConn { return nil }

func readNow(uintptr, []byte) (int, error) { return 0, syscall.EINVAL }
