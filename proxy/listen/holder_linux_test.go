package listen

import (
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestPrivilegedPort runs as a user without rights, in a network of its own where
// the border is the kernel's default.
func TestPrivilegedPort(t *testing.T) {
	if isChild(t) {
		_, err := Config{}.Listen(t.Context(), "80")
		var pe *PrivilegeError
		if !errors.As(err, &pe) || pe.Addr.Port() != 80 || !errors.Is(err, syscall.EACCES) {
			t.Errorf("%v", err)
		}
		return
	}
	if os.Getuid() != 0 {
		t.Skip("needs root to make a network of its own")
	}
	// The user has to be allowed to run the test: a copy in a folder open to all.
	dir := t.TempDir()
	for _, d := range []string{dir, filepath.Dir(dir)} {
		if err := os.Chmod(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	self, err := os.ReadFile(os.Args[0])
	if err != nil {
		t.Fatal(err)
	}
	cmd := again(t, "TestPrivilegedPort")
	cmd.Path = filepath.Join(dir, "test")
	if err := os.WriteFile(cmd.Path, self, 0o755); err != nil {
		t.Fatal(err)
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET, Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	passed(t, cmd)
}

// TestWithoutIPv6 runs in a network of its own, where loopback is down: ::1 is no
// address there.
func TestWithoutIPv6(t *testing.T) {
	if isChild(t) {
		b, err := Config{}.Listen(t.Context(), "8283")
		if err != nil || b.NoIPv6 == nil || len(b.Listeners) != 1 {
			t.Errorf("%+v, %v", b, err)
		}
		closeListeners(b.Listeners)
		return
	}
	if os.Getuid() != 0 {
		t.Skip("needs root to make a network of its own")
	}
	cmd := again(t, "TestWithoutIPv6")
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET}
	passed(t, cmd)
}

func TestHolderOfTheWildcard(t *testing.T) {
	l, err := net.Listen("tcp", ":0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	port := uint16(l.Addr().(*net.TCPAddr).Port)
	p := holderOf(netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), port))
	if p == nil || p.PID != os.Getpid() {
		t.Errorf("holder %+v", p)
	}
}

func TestListeningInodes(t *testing.T) {
	const table = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:205B 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 111 1 0 100 0 0 10 0
   1: 0100007F:205B 0100007F:9999 01 00000000:00000000 00:00000000 00000000     0        0 222 1 0 100 0 0 10 0
   2: 0200007F:205B 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 333 1 0 100 0 0 10 0
   3: 00000000:205B 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 444 1 0 100 0 0 10 0
   4: garbage
`
	if binary.NativeEndian.Uint16([]byte{1, 0}) != 1 {
		t.Skip("the table above is of a little-endian machine")
	}
	inodes := map[string]string{}
	listeningInodes(strings.NewReader(table), netip.MustParseAddrPort("127.0.0.1:8283"), inodes)
	if len(inodes) != 2 || inodes["socket:[111]"] != "1000" || inodes["socket:[444]"] != "0" {
		t.Errorf("%v", inodes)
	}
}
