//go:build e2e

package e2e_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Letta's own compose.yaml of 0.16.8 runs unchanged, its database included; its nginx is left out, and that is said.
func TestLettasOwnCompose(t *testing.T) {
	notProven(t, "LETTA_DEV_E2E_NO_COMPOSE")
	w := newWorld(t, "ldt-compose")
	for _, name := range []string{"compose.yaml", "init.sql", "nginx.conf"} {
		b, err := os.ReadFile(filepath.Join("testdata", "letta-0.16.8", name))
		if err != nil {
			t.Fatal(err)
		}
		w.write(name, string(b))
	}
	if r := w.try("up", "-d", "-f", "compose.yaml"); r.code != 2 || !strings.Contains(r.stderr, ".env") {
		t.Errorf("without the .env that the file asks for: %s", r.all())
	}
	w.env()
	r := w.up("-f", "compose.yaml")
	contains(t, "up", r.stderr, "letta_nginx", "127.0.0.1", "ready in")
	contains(t, "the server", w.curl("https://localhost:8283/v1/health/"), `"status":"ok"`)
	contains(t, "the agents, from the database", w.curl("https://localhost:8283/v1/agents/"), "[")
	ports := w.docker("ps", "--filter", "label=dev.letta.project="+w.project, "--format", "{{.Ports}}")
	if strings.Contains(ports, "0.0.0.0") || strings.Contains(ports, ":::") {
		t.Errorf("published for everybody: %s", ports)
	}
	if steps := w.plan("-f", "compose.yaml"); len(steps) > 0 {
		t.Errorf("a second up would %v", steps)
	}
	w.run("down")
	if left := w.docker("ps", "--all", "--quiet", "--filter", "label=dev.letta.project="+w.project); left != "" {
		t.Errorf("containers after down: %s", left)
	}
}
