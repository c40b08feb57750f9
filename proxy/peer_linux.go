package proxy

import (
	"bufio"
	"io"
	"net"
	"net/netip"
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/letta-dev/letta-dev/proxy/procnet"
)

// pollEnd is how poll(2) says that the other end sends no more.
const pollEnd = unix.POLLRDHUP

// abandoned reports whether a client has closed its end, and has not only ended its direction: then no program holds its socket any
// more, and the kernel's tables have it with the inode 0 (proc(5)). It is false for what they do not show, such as a client on
// another machine.
func abandoned(c net.Conn) bool {
	ours, ok := c.LocalAddr().(*net.TCPAddr)
	theirs, ok2 := c.RemoteAddr().(*net.TCPAddr)
	if !ok || !ok2 {
		return false
	}
	held := map[netip.AddrPort]bool{}
	for _, table := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		if f, err := os.Open(table); err == nil {
			ends(f, ours.AddrPort(), theirs.AddrPort(), held)
			f.Close()
		}
	}
	theirsHeld, known := held[unmapped(theirs.AddrPort())]
	return known && !theirsHeld && held[unmapped(ours.AddrPort())] // a table that does not tell who holds ours tells nothing
}

// ends finds both ends of a connection in a /proc/net/tcp table, and notes by their addresses whether a program holds them.
func ends(table io.Reader, a, b netip.AddrPort, held map[netip.AddrPort]bool) {
	const local, remote, inode = 1, 2, 9
	a, b = unmapped(a), unmapped(b)
	lines := bufio.NewScanner(table)
	for lines.Scan() {
		f := strings.Fields(lines.Text())
		if len(f) <= inode {
			continue
		}
		from, ok := procnet.ParseAddr(f[local])
		to, ok2 := procnet.ParseAddr(f[remote])
		from, to = unmapped(from), unmapped(to)
		if ok && ok2 && (from == a && to == b || from == b && to == a) {
			held[from] = f[inode] != "0"
		}
	}
}

func unmapped(a netip.AddrPort) netip.AddrPort { return netip.AddrPortFrom(a.Addr().Unmap(), a.Port()) }
