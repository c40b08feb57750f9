package main

import (
	"bytes"
	"crypto/rand"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/letta-dev/letta-dev/orchestrator/demo"
)

// TestStoriesOnAnEngine tells the stories that need containers, on the engine of DOCKER_HOST or of the usual socket. Each has a
// project of its own, $PROJECT, whose name begins all that is made, and removes it in the end. $IMAGE is the demo server's. The
// docker command looks at the engine past letta-dev, and plays the part of what others run there.
//
// Here the command is the program as it is released and not the instrumented one, which cannot run in a container.
func TestStoriesOnAnEngine(t *testing.T) {
	e := findEngine(t)
	program := e.build(t)
	image := e.load(t, program)
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script/engine", Cmds: words(), Condition: condition, RequireUniqueNames: true,
		Deadline: time.Now().Add(3 * patience),
		Setup: func(env *testscript.Env) error {
			if err := hermetic(env); err != nil {
				return err
			}
			project := "ldt-cmd-" + strings.ToLower(rand.Text()[:8])
			env.Setenv("PATH", filepath.Dir(program)+string(os.PathListSeparator)+env.Getenv("PATH"))
			env.Setenv("DOCKER_HOST", e.host)
			env.Setenv("ENGINE", e.host) // also while a tap stands before it
			env.Setenv("PROJECT", project)
			env.Setenv("IMAGE", image)
			s := env.Values[storyKey{}].(*story)
			s.variables = append(s.variables, "DOCKER_HOST", "PROJECT", "IMAGE")
			env.Defer(func() { e.sweep(t, project) })
			return nil
		},
	})
}

// testEngine is the engine that stories run on.
type testEngine struct{ host string }

func findEngine(t *testing.T) testEngine {
	t.Helper()
	e := testEngine{os.Getenv("DOCKER_HOST")}
	if e.host == "" {
		e.host = "unix:///var/run/docker.sock"
	}
	if _, err := exec.LookPath("docker"); err != nil {
		t.Skip("NOT TESTED: the command on a real engine. It needs the docker command, to look at the engine past letta-dev")
	}
	if out, err := e.docker("version").CombinedOutput(); err != nil {
		t.Skipf("NOT TESTED: the command on a real engine. None answers at %s: %s", e.host, out)
	}
	return e
}

func (e testEngine) docker(args ...string) *exec.Cmd {
	return exec.Command("docker", append([]string{"--host", e.host}, args...)...)
}

// build makes the program that runs here and in containers. Its version is one that no release has, so its demo image is nobody
// else's.
func (e testEngine) build(t *testing.T) string {
	t.Helper()
	arch, err := e.docker("version", "--format", "{{.Server.Arch}}").Output()
	if err != nil {
		t.Fatal(err)
	}
	if runtime.GOOS != "linux" || strings.TrimSpace(string(arch)) != runtime.GOARCH {
		t.Skipf("NOT TESTED: the command on a real engine. This program is for %s/%s and its containers for linux/%s", runtime.GOOS, runtime.GOARCH, arch)
	}
	program := filepath.Join(t.TempDir(), "letta-dev")
	build := exec.Command("go", "build", "-ldflags", "-s -w -X main.buildVersion=0.0.0-stories", "-o", program, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return program
}

// load makes an image of the demo server and returns its name.
func (e testEngine) load(t *testing.T, program string) string {
	t.Helper()
	exe, err := os.Open(program)
	if err != nil {
		t.Fatal(err)
	}
	defer exe.Close()
	info, err := exe.Stat()
	if err != nil {
		t.Fatal(err)
	}
	image, err := demo.NewImage(exe, info.Size(), demo.ImageOptions{Command: []string{"demo-server"}})
	if err != nil {
		t.Fatal(err)
	}
	var archive bytes.Buffer
	if _, err := image.WriteTo(&archive); err != nil {
		t.Fatal(err)
	}
	load := e.docker("load", "--quiet")
	load.Stdin = &archive
	if out, err := load.CombinedOutput(); err != nil {
		t.Fatalf("loading the image: %v\n%s", err, out)
	}
	// Under a name of its own it is a server like any other. Under its first one it is what `up --demo` makes and leaves.
	name := "localhost/ldt-cmd:" + strings.ToLower(rand.Text()[:8])
	e.must(t, "tag", image.Ref, name)
	e.must(t, "image", "rm", image.Ref)
	t.Cleanup(func() { e.must(t, "image", "rm", "--force", name, image.Ref) })
	return name
}

func (e testEngine) must(t *testing.T, args ...string) {
	t.Helper()
	if out, err := e.docker(args...).CombinedOutput(); err != nil {
		t.Errorf("docker %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

// sweep removes what a story that failed left in the engine.
func (e testEngine) sweep(t *testing.T, project string) {
	for _, kind := range [][]string{{"container", "ls", "-a"}, {"network", "ls"}, {"volume", "ls"}} {
		out, err := e.docker(append(kind, "--quiet", "--filter", "name="+project)...).Output()
		if err != nil {
			t.Errorf("looking for what a story left: %v", err)
		}
		for _, id := range strings.Fields(string(out)) {
			remove := []string{kind[0], "rm", id}
			if kind[0] == "container" {
				remove = []string{"container", "rm", "--force", "--volumes", id}
			}
			e.must(t, remove...)
		}
	}
}
