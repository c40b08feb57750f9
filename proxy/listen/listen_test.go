package listen

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"testing"
)

// closeAll closes what a test bound.
func closeAll(t *testing.T, b Bound) {
	t.Cleanup(func() { closeListeners(b.Listeners) })
}

// hint returns the advice of an error.
func hint(err error) string {
	var h interface{ Hint() string }
	if errors.As(err, &h) {
		return h.Hint()
	}
	return ""
}

func TestListenBindsBothFamilies(t *testing.T) {
	for _, address := range []string{"0", ":0", "localhost:0", "LOCALHOST:0"} {
		b, err := Config{}.Listen(t.Context(), address)
		if err != nil {
			t.Fatal(err)
		}
		closeAll(t, b)
		want := 2
		if b.NoIPv6 != nil {
			want = 1
		}
		if len(b.Listeners) != want || b.Port == 0 || b.Inherited {
			t.Errorf("%q: %+v", address, b)
		}
		for _, l := range b.Listeners {
			if a := l.Addr().(*net.TCPAddr); !a.IP.IsLoopback() || a.Port != b.Port {
				t.Errorf("%q: bound %v", address, a)
			}
		}
	}
}

func TestListenOneAddress(t *testing.T) {
	b, err := Config{}.Listen(t.Context(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closeAll(t, b)
	if len(b.Listeners) != 1 || !strings.HasPrefix(b.Listeners[0].Addr().String(), "127.0.0.1:") {
		t.Errorf("%+v", b)
	}
}

func TestListenRefusesOtherMachines(t *testing.T) {
	for _, address := range []string{"0.0.0.0:0", "[::]:0", "192.0.2.1:80"} {
		_, err := Config{}.Listen(t.Context(), address)
		var nl *NotLoopbackError
		if !errors.As(err, &nl) || hint(err) != "letta-dev up --expose-lan --listen "+address {
			t.Errorf("%q: %v", address, err)
		}
	}
	b, err := Config{AllowNonLoopback: true}.Listen(t.Context(), "0.0.0.0:0")
	if err != nil {
		t.Fatal(err)
	}
	closeAll(t, b)
}

func TestListenRefusesWhatIsNoAddress(t *testing.T) {
	for _, address := range []string{"", ":", "x", "localhost", "a.test:80", "127.0.0.1:99999", "127.0.0.1:-1", "-1", "99999", "1.2.3:80"} {
		_, err := Config{}.Listen(t.Context(), address)
		var ae *AddressError
		if !errors.As(err, &ae) || !strings.Contains(err.Error(), strconv.Quote(address)) || hint(err) == "" {
			t.Errorf("%q: %v", address, err)
		}
	}
}

func TestPortInUseNamesTheHolder(t *testing.T) {
	held, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer held.Close()
	_, port, _ := net.SplitHostPort(held.Addr().String())
	_, err = Config{}.Listen(t.Context(), port)
	var used *PortInUseError
	if !errors.As(err, &used) || used.Addr.String() != held.Addr().String() {
		t.Fatalf("%v", err)
	}
	if runtime.GOOS != "linux" {
		if used.Holder != nil || hint(err) == "" {
			t.Errorf("%v, hint %q", err, hint(err))
		}
		return
	}
	if used.Holder == nil || used.Holder.PID != os.Getpid() || used.Holder.Command == "" {
		t.Fatalf("holder %+v, want this process", used.Holder)
	}
	if want := fmt.Sprintf("(pid %d)", os.Getpid()); !strings.Contains(err.Error(), want) || hint(err) != fmt.Sprintf("kill %d", os.Getpid()) {
		t.Errorf("%v, hint %q", err, hint(err))
	}
}

// TestAllOrNothing: with ::1 taken by somebody else, browsers would reach him.
func TestAllOrNothing(t *testing.T) {
	held, err := net.Listen("tcp6", "[::1]:0")
	if err != nil {
		t.Skip("no IPv6 here")
	}
	defer held.Close()
	port := strconv.Itoa(held.Addr().(*net.TCPAddr).Port)
	_, err = Config{}.Listen(t.Context(), port)
	var used *PortInUseError
	if !errors.As(err, &used) {
		t.Fatalf("%v", err)
	}
	again, err := net.Listen("tcp4", "127.0.0.1:"+port)
	if err != nil {
		t.Fatalf("127.0.0.1 stays bound: %v", err)
	}
	again.Close()
}

func TestHintsOfPortErrors(t *testing.T) {
	addr := netip.MustParseAddrPort("127.0.0.1:443")
	for holder, want := range map[*Process]string{
		{PID: 7, Command: "docker-proxy"}: "docker ps --filter publish=443",
		{PID: 7, Command: "nginx"}:        "kill 7",
	} {
		if got := (&PortInUseError{Addr: addr, Holder: holder}).Hint(); got != want {
			t.Errorf("%s: %q, want %q", holder.Command, got, want)
		}
	}
	if got := (&PortInUseError{Addr: addr}).Hint(); !strings.Contains(got, "443") {
		t.Errorf("unknown holder: %q", got)
	}
	if runtime.GOOS == "linux" {
		if got := (&PrivilegeError{Addr: addr}).Hint(); got != "sudo sysctl -w net.ipv4.ip_unprivileged_port_start=80" {
			t.Errorf("privilege: %q", got)
		}
	}
}

// again runs this test binary as the process that a test needs, for one test.
func again(t *testing.T, test string, wrap ...string) *exec.Cmd {
	t.Helper()
	args := append(wrap, os.Args[0], "-test.run=^"+test+"$", "-test.v")
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Env = append(os.Environ(), "LISTEN_TEST_CHILD="+test)
	return cmd
}

func isChild(t *testing.T) bool { return os.Getenv("LISTEN_TEST_CHILD") == t.Name() }

func passed(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "--- PASS") {
		t.Errorf("child: %v\n%s", err, out)
	}
}

// TestInheritedSockets hands two sockets over as systemd does: descriptors from 3
// on, and the receiver's pid in the environment.
func TestInheritedSockets(t *testing.T) {
	if isChild(t) {
		ls, err := Inherited()
		if err != nil || len(ls) != 2 {
			t.Fatalf("%d sockets, %v", len(ls), err)
		}
		defer closeListeners(ls)
		port := strconv.Itoa(ls[0].Addr().(*net.TCPAddr).Port)
		b, err := Config{Inherited: ls}.Listen(t.Context(), port)
		if err != nil || !b.Inherited || len(b.Listeners) != 1 || b.Listeners[0] != ls[0] {
			t.Errorf("%+v, %v", b, err)
		}
		wild := strconv.Itoa(ls[1].Addr().(*net.TCPAddr).Port)
		var nl *NotLoopbackError
		if _, err := (Config{Inherited: ls}).Listen(t.Context(), wild); !errors.As(err, &nl) {
			t.Errorf("a socket open to other machines is used: %v", err)
		}
		if more, _ := Inherited(); len(more) != 0 {
			t.Error("the sockets are handed over twice")
		}
		return
	}
	if runtime.GOOS == "windows" {
		t.Skip("systemd is not on Windows")
	}
	cmd := again(t, "TestInheritedSockets", "/bin/sh", "-c", `LISTEN_PID=$$ LISTEN_FDS=2 exec "$0" "$@"`)
	for _, address := range []string{"127.0.0.1:0", "0.0.0.0:0"} {
		l, err := net.Listen("tcp4", address)
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		f, err := l.(*net.TCPListener).File()
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		cmd.ExtraFiles = append(cmd.ExtraFiles, f)
	}
	passed(t, cmd)
}
