//go:build !linux

package listen

import (
	"fmt"
	"net/netip"
	"runtime"
)

// holderOf: only Linux shows the holder of a port without another program.
func holderOf(netip.AddrPort) *Process { return nil }

func holderCommand(port uint16) string {
	switch runtime.GOOS {
	case "windows":
		return fmt.Sprintf("netstat -ano | findstr :%d", port)
	case "freebsd":
		return fmt.Sprintf("sockstat -l -p %d", port)
	}
	return fmt.Sprintf("sudo lsof -nP -iTCP:%d -sTCP:LISTEN", port)
}

// privilegeCommand: on Windows ports are not privileged but may be reserved, for
// Hyper-V among others.
func privilegeCommand(port uint16) string {
	switch runtime.GOOS {
	case "windows":
		return "netsh interface ipv4 show excludedportrange protocol=tcp"
	case "freebsd":
		return fmt.Sprintf("sudo sysctl net.inet.ip.portrange.reservedhigh=%d", min(port, 80)-1)
	}
	return "sudo letta-dev up"
}
