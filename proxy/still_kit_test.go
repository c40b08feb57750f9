package proxy

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

// inStillNetwork reports whether a test is to go on. Where it can, it runs the test in another process instead, in a network of its
// own where nothing comes or goes: Chromium drops all that is under way when a network of the machine does (ERR_NETWORK_CHANGED),
// and the tests of other packages make and remove those of an engine meanwhile.
func inStillNetwork(t *testing.T) bool {
	t.Helper()
	still := []string{"unshare", "--net", "sh", "-c", `ip link set lo up && exec "$@"`, "sh"}
	if isChild(t) || exec.Command(still[0], append(still[1:], "true")...).Run() != nil {
		return true
	}
	passed(t, again(t, t.Name(), still...))
	return false
}

// needsBrowser returns the program of Chromium, or skips the test.
func needsBrowser(t *testing.T) (chromium string) {
	t.Helper()
	return needsProgram(t, "chromium")
}

// needsProgram returns the program of a browser, or skips the test.
func needsProgram(t *testing.T, name string) (browser string) {
	t.Helper()
	if testing.Short() {
		t.Skip("NOT PROVEN: starting a browser takes seconds")
	}
	browser, err := exec.LookPath(name)
	if err != nil {
		t.Skip("NOT PROVEN: " + name + " is not installed")
	}
	return browser
}

// again runs this test binary as the process that a test needs, for one test.
func again(t *testing.T, test string, wrap ...string) *exec.Cmd {
	t.Helper()
	args := append(wrap, os.Args[0], "-test.run=^"+test+"$", "-test.v")
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Env = append(os.Environ(), "PROXY_TEST_CHILD="+test)
	return cmd
}

func isChild(t *testing.T) bool { return os.Getenv("PROXY_TEST_CHILD") == t.Name() }

func passed(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "--- PASS") {
		t.Errorf("child: %v\n%s", err, out)
	}
}
