//go:build e2e && linux

package trust

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
)

// A user has a home and runs programs in it, with nothing of the tests' own environment.
type user struct {
	home string
	cred *syscall.Credential // nil is root
}

// command ends with ctx, and its children with it.
func (u *user) command(ctx context.Context, argv ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Env, cmd.Dir = []string{"HOME=" + u.home, "PATH=" + path}, u.home
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Credential: u.cred}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = 5 * time.Second
	return cmd
}

// letta runs letta-dev, which must end with 0, and returns what it answered.
func (u *user) letta(t *testing.T, args ...string) string {
	t.Helper()
	return u.must(t, append([]string{program}, args...)...)
}

// shell is the beginning of a command that runs with the variables which letta-dev sets now.
func (u *user) shell(t *testing.T) []string {
	t.Helper()
	var vars map[string]string
	must(t, json.Unmarshal([]byte(u.letta(t, "env", "--shell", "json")), &vars))
	argv := []string{"env"}
	for name, value := range vars {
		argv = append(argv, name+"="+value)
	}
	return argv
}

// admin runs letta-dev with root's rights: by sudo, where the user has not got them.
func (u *user) admin(t *testing.T, args ...string) string {
	t.Helper()
	argv := append([]string{program}, args...)
	if u.cred != nil {
		argv = append([]string{"sudo", "-n", "--"}, argv...)
	}
	return u.must(t, argv...)
}

func (u *user) must(t *testing.T, argv ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := u.command(ctx, argv...)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	t.Logf("%s\n%s%s", strings.Join(argv, " "), out, &stderr)
	if err != nil {
		t.Fatalf("%s: %v", strings.Join(argv, " "), err)
	}
	return string(out)
}

// proxy starts `letta-dev proxy` in front of a server that shows marker, and returns when it listens.
func (u *user) proxy(t *testing.T, marker string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	serve(t, listener, marker)
	cmd := u.command(t.Context(), program, "proxy", "--trust", "none", "--listen", "8283", "--upstream", "http://"+listener.Addr().String())
	stdout, err := cmd.StdoutPipe()
	must(t, err)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	must(t, cmd.Start())
	t.Cleanup(func() {
		_ = cmd.Process.Signal(os.Interrupt)
		_ = cmd.Wait()
	})
	for lines := bufio.NewScanner(stdout); lines.Scan(); {
		if strings.Contains(lines.Text(), "https://localhost:8283") {
			go func() { _, _ = io.Copy(io.Discard, stdout) }() // ends with the proxy
			return
		}
	}
	t.Fatalf("the proxy ended: %s", &stderr)
}
