package proxy

import (
	"os"
	"os/exec"
	"testing"
)

// inStillNetwork reports whether a test is to go on. Where it can, it runs the test in another process instead, in a network of its
// own where nothing comes or goes: Chromium drops all that is under way when a network of the machine does (ERR_NETWORK_CHANGED),
// and the tests of other packages make and remove those of an engine meanwhile.
func inStillNetwork(t *testing.T) bool {
	t.Helper()
	const inside = "LETTA_DEV_STILL_NETWORK"
	still := func(argv ...string) *exec.Cmd {
		return exec.Command("unshare", append([]string{"--net", "sh", "-c", `ip link set lo up && exec "$@"`, "sh"}, argv...)...)
	}
	if os.Getenv(inside) != "" || still("true").Run() != nil {
		return true
	}
	cmd := still(os.Args[0], "-test.v", "-test.run=^"+t.Name()+"$")
	cmd.Env = append(os.Environ(), inside+"=1")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	return false
}
