package certstest

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// InNamespace runs the calling test again, alone, in a mount namespace of its own, and returns true there. In it a test can
// put empty file systems over the machine's folders and change a real trust store with the distribution's own tools, while
// the machine's stays as it is.
func InNamespace(t *testing.T) bool {
	t.Helper()
	if os.Getenv("CERTS_TEST_NAMESPACE") != "" {
		return true
	}
	if os.Geteuid() != 0 {
		t.Skip("NOT PROVEN: a private trust store needs a mount namespace, and that needs root")
	}
	for _, tool := range []string{"unshare", "update-ca-certificates", "curl"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("NOT PROVEN: %s is not installed", tool)
		}
	}
	mounts := t.TempDir()
	cmd := exec.CommandContext(t.Context(), "unshare", "--mount", "--propagation", "private", os.Args[0],
		"-test.run=^"+t.Name()+"$", "-test.v", "-test.count=1")
	cmd.Env = append(os.Environ(), "CERTS_TEST_NAMESPACE="+mounts)
	out, err := cmd.CombinedOutput()
	t.Logf("%s", out)
	if err != nil {
		t.Fatalf("in the namespace: %v", err)
	}
	return false
}

// Tmpfs returns a disk of the test's own.
func Tmpfs(t *testing.T, options string) string {
	t.Helper()
	dir := t.TempDir()
	Must(t, syscall.Mount("tmpfs", dir, "tmpfs", 0, options))
	t.Cleanup(func() { Must(t, syscall.Unmount(dir, 0)) })
	return dir
}

// AsUser calls do on a thread whose rights to files are another user's. The thread ends with the call.
func AsUser(t *testing.T, uid int, do func()) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("NOT PROVEN: only root can try what another user may")
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // for ever: the runtime ends a locked thread with its goroutine
		if _, err := unix.SetfsuidRetUid(uid); err != nil {
			t.Error(err)
			return
		}
		do()
	}()
	<-done
}

// Nobody is the ID of a user without rights.
const Nobody = 65534

// OpenUp lets every user reach dir: a test's own folders are private.
func OpenUp(t *testing.T, dir string) {
	t.Helper()
	for ; filepath.Dir(dir) != os.TempDir(); dir = filepath.Dir(dir) {
		Must(t, os.Chmod(dir, 0o755))
		Must(t, os.Chmod(filepath.Dir(dir), 0o755))
	}
}
