//go:build e2e

package e2e_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// fence matches a fenced block of a Markdown file: what stands after the fence, and the lines up to the next one.
var fence = regexp.MustCompile("(?ms)^```([^\n]*)\n(.*?)^```$")

// TestDocs runs what the README and docs tell people to type, in the order of the page, in one shell that ends at the first error. A block
// that begins "```sh norun REASON" is left out; one whose fence names a file, as "```yaml compose.yaml" does, is that file.
func TestDocs(t *testing.T) {
	pages, err := filepath.Glob("../docs/*.md")
	if err != nil || len(pages) < 5 {
		t.Fatalf("%d pages in docs: %v", len(pages), err)
	}
	for _, page := range append([]string{"../README.md"}, pages...) {
		t.Run(filepath.Base(page), func(t *testing.T) { runPage(t, page) })
	}
}

func runPage(t *testing.T, page string) {
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	w := newWorld(t, "ldt-docs")
	if !w.trusted {
		t.Skip("LEFT OUT: the pages have the system trust our root, which takes root")
	}
	w.copyTree()
	script := "set -euo pipefail\n"
	for _, block := range fence.FindAllStringSubmatch(string(text), -1) {
		info, content := block[1], block[2]
		language, rest, _ := strings.Cut(info, " ")
		reason, norun := strings.CutPrefix(rest, "norun")
		switch {
		case language == "sh" && rest == "":
			script += content
		case language == "sh" && norun && strings.TrimSpace(reason) != "":
		case language == "sh" || language == "bash" || language == "console":
			t.Errorf("a block begins with %q: want \"sh\", or \"sh norun REASON\"", info)
		case rest != "":
			w.write(rest, content)
		}
	}
	if strings.Contains(script, "letta-dev") {
		w.shell(script)
	} else {
		t.Error("there is nothing on the page to run")
	}
}

// copyTree makes the working folder a clone of this tree as it stands, for the README begins in one.
func (w *world) copyTree() {
	w.t.Helper()
	copied := exec.Command("bash", "-c", `cd .. && git ls-files -z --cached --others --exclude-standard | xargs -0 cp --parents -t "$0"`, w.dir)
	if out, err := copied.CombinedOutput(); err != nil {
		w.t.Fatalf("copying the tree: %v\n%s", err, out)
	}
}

// shell runs a script as a person would type it: letta-dev and Python with Letta's client are in PATH, and the project is one of its own.
func (w *world) shell(script string) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	python, err := exec.CommandContext(ctx, "clients/install.sh", "python").Output()
	if err != nil {
		w.t.Skipf("NOT PROVEN: %s: Letta's Python client could not be installed: %v", w.t.Name(), err)
	}
	known, err := exec.CommandContext(ctx, "go", "env", "GOCACHE", "GOMODCACHE").Output() // which HOME would lead away from
	caches := strings.Fields(string(known))
	if err != nil || len(caches) != 2 {
		w.t.Fatalf("Go's caches are %q: %v", known, err)
	}
	cmd := exec.CommandContext(ctx, "bash", "-c", script)
	cmd.Dir, cmd.WaitDelay = w.dir, 10*time.Second
	cmd.Env = append(os.Environ(), "HOME="+w.home, "COMPOSE_PROJECT_NAME="+w.project, "SHELL=/bin/sh",
		"GOCACHE="+caches[0], "GOMODCACHE="+caches[1], "GOFLAGS=-buildvcs=false",
		"PATH="+filepath.Join(strings.TrimSpace(string(python)), "bin")+":"+w.home+":"+os.Getenv("PATH"))
	if out, err := cmd.CombinedOutput(); err != nil {
		w.t.Errorf("%v, of the script\n%s\nwhich printed\n%s", err, script, out)
	}
}
