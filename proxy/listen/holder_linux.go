package listen

import (
	"bufio"
	"fmt"
	"io"
	"net/netip"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"github.com/letta-dev/letta-dev/proxy/procnet"
	"github.com/letta-dev/letta-dev/proxy/redact"
)

func holderCommand(port uint16) string { return fmt.Sprintf("sudo ss -ltnp 'sport = :%d'", port) }

// privilegeCommand lowers the border to 80, so that one command does for 80 and
// 443. It survives an upgrade of the binary, which setcap does not.
func privilegeCommand(port uint16) string {
	return fmt.Sprintf("sudo sysctl -w net.ipv4.ip_unprivileged_port_start=%d", min(port, 80))
}

// holderOf finds the process that listens on an address, or on the wildcard of
// its port. Of another user's it may know the user alone.
func holderOf(addr netip.AddrPort) *Process {
	inodes := map[string]string{}
	for _, table := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		if f, err := os.Open(table); err == nil {
			listeningInodes(f, addr, inodes)
			f.Close()
		}
	}
	links, _ := filepath.Glob("/proc/[0-9]*/fd/*")
	for _, link := range links {
		to, err := os.Readlink(link)
		if uid, listens := inodes[to]; err == nil && listens {
			pid := strings.Split(link, "/")[2]
			n, _ := strconv.Atoi(pid)
			return &Process{PID: n, Command: commandOf(pid), User: otherUser(uid)}
		}
	}
	for _, uid := range inodes {
		if name := otherUser(uid); name != "" {
			return &Process{User: name, LettaDev: lettaDevOf(uid)}
		}
	}
	return nil
}

func commandOf(pid string) string {
	name, _ := os.ReadFile("/proc/" + pid + "/comm")
	return redact.Printable(strings.TrimSpace(string(name)))
}

// otherUser names a user, if that is another than this process's.
func otherUser(uid string) string {
	if uid == strconv.Itoa(os.Geteuid()) {
		return ""
	}
	if u, err := user.LookupId(uid); err == nil {
		return u.Username
	}
	return uid
}

// lettaDevOf finds a letta-dev of a user; 0 is none.
func lettaDevOf(uid string) (pid int) {
	folders, _ := filepath.Glob("/proc/[0-9]*")
	for _, folder := range folders {
		info, err := os.Stat(folder)
		if err != nil || !strings.HasPrefix(commandOf(filepath.Base(folder)), "letta-dev") {
			continue
		}
		if stat, ok := info.Sys().(*syscall.Stat_t); ok && strconv.Itoa(int(stat.Uid)) == uid {
			pid, _ = strconv.Atoi(filepath.Base(folder))
			return pid
		}
	}
	return 0
}

// listeningInodes adds the sockets of a /proc/net/tcp table that keep addr from
// being bound, as "socket:[inode]" (proc(5)), with the user of each.
func listeningInodes(table io.Reader, addr netip.AddrPort, inodes map[string]string) {
	const local, state, uid, inode, listen = 1, 3, 7, 9, "0A"
	lines := bufio.NewScanner(table)
	for lines.Scan() {
		f := strings.Fields(lines.Text())
		if len(f) <= inode || f[state] != listen {
			continue
		}
		got, ok := procnet.ParseAddr(f[local])
		if !ok || got.Port() != addr.Port() {
			continue
		}
		if at := got.Addr(); at.IsUnspecified() || at.Unmap() == addr.Addr().Unmap() {
			inodes["socket:["+f[inode]+"]"] = f[uid]
		}
	}
}
