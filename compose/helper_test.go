package compose

import (
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/sirupsen/logrus"
)

// logged is what compose-go says, as the judge, through the global logger of logrus while f runs.
func logged(f func()) string {
	var said strings.Builder
	before := logrus.StandardLogger().Out
	logrus.SetOutput(&said)
	defer logrus.SetOutput(before)
	f()
	return said.String()
}

// warnedOf are the variables that compose-go says are not set, each once, in order.
func warnedOf(said string) []string {
	var all []string
	for _, m := range regexp.MustCompile(`The \\?"(.*?)\\?" variable is not set`).FindAllStringSubmatch(said, -1) {
		all = append(all, m[1])
	}
	slices.Sort(all)
	return slices.Compact(all)
}

func unsetNames(references []unsetReference) []string {
	var all []string
	for _, r := range references {
		all = append(all, r.name)
	}
	return all
}

// folder writes files, by their path, into a folder of this test alone.
func folder(t testing.TB, files map[string]string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "my-project")
	for name, content := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

// loaded loads the compose.yaml with this content.
func loaded(t testing.TB, content string, environ ...string) *Project {
	t.Helper()
	p, err := Load(t.Context(), Options{Dir: folder(t, map[string]string{"compose.yaml": content}), Environ: environ})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// refused loads the compose.yaml with this content, and returns the error and its hint.
//
//lint:ignore ST1008 the error is what these tests are about, so it comes first
func refused(t testing.TB, content string, environ ...string) (err error, hint string) {
	t.Helper()
	p, err := Load(t.Context(), Options{Dir: folder(t, map[string]string{"compose.yaml": content}), Environ: environ})
	if err == nil {
		t.Fatalf("loaded, with services %v", names(p))
	}
	return err, hintOf(t, err)
}

func hintOf(t testing.TB, err error) string {
	t.Helper()
	var h interface{ Hint() string }
	if !errors.As(err, &h) || h.Hint() == "" {
		t.Fatalf("%T has no hint: %v", err, err)
	}
	return h.Hint()
}

func service(t testing.TB, p *Project, name string) *Service {
	t.Helper()
	for i := range p.Services {
		if p.Services[i].Name == name {
			return &p.Services[i]
		}
	}
	t.Fatalf("no service %q in %v", name, names(p))
	return nil
}

func names(p *Project) []string {
	var all []string
	for _, s := range p.Services {
		all = append(all, s.Name)
	}
	return all
}

// mustSay fails unless s has every part.
func mustSay(t testing.TB, s string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if !strings.Contains(s, part) {
			t.Errorf("%q does not say %q", s, part)
		}
	}
}

// server is a service that Load takes for the Letta server, with lines of a test added.
func server(lines ...string) string {
	return "services:\n  letta:\n    image: letta/letta:0.16.8\n" + indent(lines)
}

func indent(lines []string) string {
	var b strings.Builder
	for _, l := range lines {
		b.WriteString("    " + l + "\n")
	}
	return b.String()
}
