//go:build unix && (!linux || (!amd64 && !arm64))

package proxy

import "syscall"

// readNow fails with EAGAIN where it would have to wait.
func readNow(fd uintptr, p []byte) (int, error) {
	for {
		n, err := syscall.Read(int(fd), p)
		if err != syscall.EINTR {
			return n, err
		}
	}
}
