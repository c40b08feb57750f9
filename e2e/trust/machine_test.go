//go:build e2e && linux

package trust

import (
	"bytes"
	"embed"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// Places in the machine that a test has to itself. /home, /root and /tmp are empty file systems there, and /etc is
// a copy.
const (
	tools   = "/home/tools" // the program and the clients' scripts, open to every user
	program = tools + "/letta-dev"
	javas   = tools + "/java" // compiled
	pypi    = tools + "/pypi" // PyPI's requests, which brings its own roots, and what it needs

	address = "192.0.2.7" // of this machine, and nobody's on the Internet (RFC 5737)
	path    = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
)

//go:embed clients
var scripts embed.FS

// ownMachine runs the calling test again, alone, in namespaces of its own. In there it returns true.
func ownMachine(t *testing.T) bool {
	t.Helper()
	if bin := os.Getenv("LETTA_DEV_TRUST_BIN"); bin != "" {
		isolate(t, bin, os.Getenv("LETTA_DEV_TRUST_PYPI"))
		return true
	}
	if os.Geteuid() != 0 {
		t.Skip("NOT PROVEN: a machine of the test's own needs namespaces, and they need root")
	}
	for _, tool := range []string{"unshare", "ip", "update-ca-certificates", "certutil"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("NOT PROVEN: %s is not installed", tool)
		}
	}
	bin := filepath.Join(t.TempDir(), "letta-dev")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", bin, "../../cmd/letta-dev")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	do(t, build)
	inside := exec.CommandContext(t.Context(), "unshare", "--mount", "--net", "--propagation", "private", os.Args[0],
		"-test.run=^"+t.Name()+"$", "-test.v", "-test.count=1", "-test.parallel=3")
	inside.Env = append(os.Environ(), "LETTA_DEV_TRUST_BIN="+bin, "LETTA_DEV_TRUST_PYPI="+requestsOfPyPI(t))
	out, err := inside.CombinedOutput()
	t.Logf("%s", out)
	if err != nil {
		t.Fatalf("in the namespaces: %v", err)
	}
	return false
}

// requestsOfPyPI returns the folder of the packages; empty where there are none to be had. Inside there is no network to get them.
func requestsOfPyPI(t *testing.T) string {
	t.Helper()
	venv, err := exec.CommandContext(t.Context(), "bash", "../clients/install.sh", "https").Output()
	if err != nil {
		return ""
	}
	found := glob(t, filepath.Join(strings.TrimSpace(string(venv)), "lib/python3*/site-packages"))
	if len(found) != 1 {
		t.Fatalf("%d folders of packages in %s", len(found), venv)
	}
	return found[0]
}

// isolate makes the namespaces a machine of its own.
func isolate(t *testing.T, bin, packages string) {
	t.Helper()
	do(t, exec.Command("ip", "link", "set", "lo", "up"))
	do(t, exec.Command("ip", "address", "add", address+"/32", "dev", "lo"))
	empty(t, "/home", "0755")
	must(t, os.MkdirAll(pypi, 0o755))
	do(t, exec.Command("install", "-m", "0755", bin, program))
	if packages != "" {
		must(t, syscall.Mount(packages, pypi, "", syscall.MS_BIND, ""))
	}
	empty(t, "/root", "0700") // after what lay there has been taken
	empty(t, "/tmp", "1777")
	must(t, os.CopyFS(tools, scripts))
	if _, err := exec.LookPath("javac"); err == nil {
		do(t, exec.Command("javac", "-d", javas, tools+"/clients/Fetch.java"))
	}
	do(t, exec.Command("cp", "--archive", "/etc", "/home/etc"))
	must(t, syscall.Mount("/home/etc", "/etc", "", syscall.MS_BIND, ""))
	host, err := os.Hostname()
	must(t, err)
	write(t, "/etc/hosts", "127.0.0.1 localhost letta.localhost sub.letta.localhost deep.sub.letta.localhost example.com "+host+"\n::1 localhost letta.localhost\n")
	fewRoots(t)
}

// fewRoots has the system trust three of the distribution's roots, because its tools take seconds for all. Java's stay as they are:
// what Debian's hook for them does goes through dpkg's database, which is the machine's.
func fewRoots(t *testing.T) {
	t.Helper()
	empty(t, "/usr/local/share/ca-certificates", "0755")
	must(t, os.RemoveAll("/etc/ca-certificates/update.d"))
	for _, link := range glob(t, "/etc/ssl/certs/*") {
		if filepath.Base(link) != "java" {
			must(t, os.Remove(link))
		}
	}
	var few []byte
	for line := range bytes.Lines(read(t, "/etc/ca-certificates.conf")) {
		if bytes.HasPrefix(line, []byte("mozilla/")) && bytes.Count(few, []byte("\n")) < 3 {
			few = append(few, line...)
		}
	}
	write(t, "/etc/ca-certificates.conf", string(few))
	do(t, exec.Command("update-ca-certificates"))
}

// empty lays an empty file system over a folder.
func empty(t *testing.T, dir, mode string) {
	t.Helper()
	must(t, syscall.Mount("tmpfs", dir, "tmpfs", 0, "mode="+mode))
}
