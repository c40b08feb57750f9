//go:build e2e

package e2e_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/letta-dev/letta-dev/e2e/model"
)

// world is a newcomer's machine: an empty HOME, a folder to work in, the letta-dev of this tree, and a model for the server.
type world struct {
	t       *testing.T
	home    string
	dir     string
	bin     string
	project string
	llm     *model.Server
	trusted bool // the system's store is a copy, so up may install into it
}

// limit bounds one command: a first boot takes half a minute on an idle machine, and this one may be busy.
const limit = 8 * time.Minute

// notProven leaves a test out where run.sh has found why it cannot be run here.
func notProven(t *testing.T, variable string) {
	t.Helper()
	if why := os.Getenv(variable); why != "" {
		t.Skipf("NOT PROVEN: %s: %s", t.Name(), why)
	}
}

func newWorld(t *testing.T, project string) *world {
	t.Helper()
	notProven(t, "LETTA_DEV_E2E_NO_SERVER")
	if out, err := exec.Command("docker", "version").CombinedOutput(); err != nil {
		t.Skipf("LEFT OUT: %s: no engine: %s", t.Name(), out)
	}
	w := &world{t: t, home: t.TempDir(), dir: t.TempDir(), project: project, trusted: os.Getenv("LETTA_DEV_E2E_OWN_STORES") != ""}
	w.bin = filepath.Join(w.home, "letta-dev")
	build := exec.Command("go", "build", "-o", w.bin, "../cmd/letta-dev")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("building letta-dev: %v\n%s", err, out)
	}
	// An engine that the tests started themselves has a bridge of its own beside another's docker0.
	addr, err := model.BridgeAddr(w.docker("network", "inspect", "bridge", "--format", `{{index .Options "com.docker.network.bridge.name"}}`))
	if err != nil {
		t.Fatal(err)
	}
	if w.llm, err = model.Start(addr); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(w.try("logs", "--tail", "60").all())
		}
		w.try("down", "--volumes", "--yes")
		w.llm.Close()
	})
	return w
}

// write puts a file into the working folder. Others can read it: the Postgres in a container is another user.
func (w *world) write(name, content string) {
	w.t.Helper()
	if err := os.WriteFile(filepath.Join(w.dir, name), []byte(content), 0o644); err != nil {
		w.t.Fatal(err)
	}
}

// env names the model to the server.
func (w *world) env(more ...string) {
	w.write(".env", "OPENAI_API_KEY=sk-model\nOPENAI_BASE_URL="+w.llm.URL("host.docker.internal")+"\n"+strings.Join(more, "\n")+"\n")
}

// result is a command that ended.
type result struct {
	code           int
	stdout, stderr string
}

func (r result) all() string { return fmt.Sprintf("exit %d\n%s%s", r.code, r.stdout, r.stderr) }

// try runs letta-dev, whatever comes of it.
func (w *world) try(args ...string) result {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	cmd := exec.CommandContext(ctx, w.bin, append([]string{"--project", w.project}, args...)...)
	cmd.Dir = w.dir
	cmd.Env = []string{"HOME=" + w.home, "PATH=" + os.Getenv("PATH"), "DOCKER_HOST=" + os.Getenv("DOCKER_HOST")}
	var out, err bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &err
	if e := cmd.Run(); e != nil && cmd.ProcessState == nil {
		w.t.Fatal(e)
	}
	return result{cmd.ProcessState.ExitCode(), out.String(), err.String()}
}

// run runs letta-dev, which must end with 0.
func (w *world) run(args ...string) result {
	w.t.Helper()
	r := w.try(args...)
	if r.code != 0 {
		w.t.Fatalf("letta-dev %s: %s", strings.Join(args, " "), r.all())
	}
	return r
}

// up is `letta-dev up -d` as this world can have it.
func (w *world) up(args ...string) result {
	w.t.Helper()
	if !w.trusted {
		args = append(args, "--trust", "none")
	}
	return w.run(append([]string{"up", "-d", "--wait-timeout", "6m"}, args...)...)
}

func (w *world) ca() string { return strings.TrimSpace(w.run("certs", "path").stdout) }

// curl asks with the real curl. Where up installed its root, curl is told nothing of it.
func (w *world) curl(args ...string) string {
	w.t.Helper()
	if !w.trusted {
		args = append([]string{"--cacert", w.ca()}, args...)
	}
	cmd := exec.Command("curl", append([]string{"--silent", "--show-error", "--max-time", "120"}, args...)...)
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + w.home}
	out, err := cmd.CombinedOutput()
	if err != nil {
		w.t.Fatalf("curl %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

// docker runs the engine's own client, to see what stands with other eyes than ours.
func (w *world) docker(args ...string) string {
	w.t.Helper()
	out, err := exec.Command("docker", args...).CombinedOutput()
	if err != nil {
		w.t.Fatalf("docker %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return strings.TrimSpace(string(out))
}

// plan is the actions of a dry run.
func (w *world) plan(args ...string) []string {
	w.t.Helper()
	var e struct {
		Data struct {
			Steps []struct{ Action, Target, Cause string }
		}
	}
	out := w.run(append([]string{"up", "--dry-run", "--json"}, args...)...).stdout
	if err := json.Unmarshal([]byte(out), &e); err != nil {
		w.t.Fatalf("%v in %s", err, out)
	}
	var steps []string
	for _, s := range e.Data.Steps {
		steps = append(steps, s.Action+" "+s.Target+" because "+s.Cause)
	}
	return steps
}

func contains(t *testing.T, what, text string, wanted ...string) {
	t.Helper()
	for _, want := range wanted {
		if !strings.Contains(text, want) {
			t.Errorf("%s does not say %q:\n%s", what, want, text[max(0, len(text)-4000):])
		}
	}
}
