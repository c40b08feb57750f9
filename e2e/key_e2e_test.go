//go:build e2e && linux

package e2e_test

import (
	"crypto/tls"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"github.com/letta-dev/letta-dev/e2e/clients"
)

// The server's password, which `run` hands out, is sent to the server alone: Letta Code sends it to Letta's cloud too, for the git of
// an agent's memory and for its telemetry, unless it is told of another address or not to. The cloud is a stand-in under its name,
// which the program trusts.
func TestRunKeepsThePasswordHere(t *testing.T) {
	w := newWorld(t, "ldt-e2e-key")
	w.env("SECURE=true", "LETTA_SERVER_PASSWORD=local-secret")
	program, err := clients.AppServer(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	cloud := startCloud(t)
	w.up()
	client := func(withhold ...string) []string {
		cloud.forget()
		argv := slices.Concat([]string{"--mount", "sh", "-c", `mount --bind "$0" /etc/hosts && exec "$@"`, cloud.hosts, w.bin, "run", "--project", w.project, "--", "env"},
			withhold, program, []string{"--new-agent", "--memfs", "--model", "letta/letta-free", "-p", "hi"})
		cmd := exec.CommandContext(t.Context(), "unshare", argv...)
		cmd.Dir = w.dir
		cmd.Env = []string{"HOME=" + w.home, "PATH=" + os.Getenv("PATH"), "DOCKER_HOST=" + os.Getenv("DOCKER_HOST"), "NODE_EXTRA_CA_CERTS=" + cloud.roots, "GIT_SSL_CAINFO=" + cloud.roots}
		said, err := cmd.CombinedOutput() // it fails: this server has no such memory
		if err == nil {
			t.Errorf("it did what the server cannot: %s", said)
		}
		return cloud.told()
	}
	if client("-u", "LETTA_MEMFS_BASE_URL", "-u", "LETTA_CODE_TELEM") == nil {
		t.Fatal("without our variables nothing was sent to the cloud, so that with them it proves nothing")
	}
	if told := client(); told != nil {
		t.Errorf("the cloud was told %q", told)
	}
}

// cloud stands in for Letta's, under its name.
type cloud struct {
	roots, hosts string // files: its authority, and where its name leads to it
	mu           sync.Mutex
	authorized   []string // the requests that came with a key
}

func startCloud(t *testing.T) *cloud {
	t.Helper()
	c := &cloud{roots: filepath.Join(t.TempDir(), "cloud.pem"), hosts: filepath.Join(t.TempDir(), "hosts")}
	listener, err := net.Listen("tcp", "127.0.0.9:443")
	if err != nil {
		t.Skipf("LEFT OUT: a stand-in for the cloud: %v", err)
	}
	authority, leaf := company(t)
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c.mu.Lock()
		defer c.mu.Unlock()
		if r.Header.Get("Authorization") != "" {
			c.authorized = append(c.authorized, r.Method+" "+r.Host+r.URL.Path)
		}
		http.NotFound(w, r)
	}))
	server.Listener.Close()
	server.Listener, server.TLS = listener, &tls.Config{Certificates: []tls.Certificate{leaf}}
	server.StartTLS()
	t.Cleanup(server.Close)
	must(t, os.WriteFile(c.roots, authority, 0o644))
	must(t, os.WriteFile(c.hosts, []byte("127.0.0.1 localhost\n127.0.0.9 api.letta.com\n"), 0o644))
	return c
}

func (c *cloud) told() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.authorized
}

func (c *cloud) forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.authorized = nil
}
