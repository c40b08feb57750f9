package certs

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
)

// recorder is a Runner that does nothing but remember; reply, if set, answers. What the real commands do is for
// machine_linux_test.go and nss_test.go.
type recorder struct {
	mu       sync.Mutex
	ran      []string
	commands []Command
	reply    func(c Command) ([]byte, error)
}

func (r *recorder) run(_ context.Context, c Command) ([]byte, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ran, r.commands = append(r.ran, c.String()), append(r.commands, c)
	if r.reply == nil {
		return nil, nil
	}
	return r.reply(c)
}

// fakeEnv is a machine under a temporary folder on which the named commands are installed, as root.
func fakeEnv(t *testing.T, goos string, r *recorder, installed ...string) Env {
	t.Helper()
	return Env{
		GOOS: goos, Root: t.TempDir(), Home: t.TempDir(), Vars: map[string]string{"PATH": "/usr/bin"}, Run: r.run,
		LookPath: func(name string) (string, error) {
			if slices.Contains(installed, name) {
				return "/usr/bin/" + name, nil
			}
			return "", errors.New("not installed")
		},
	}
}

// realEnv is a home folder of the test's own, with this machine's commands.
func realEnv(t *testing.T) Env {
	t.Helper()
	return Env{GOOS: "linux", Root: t.TempDir(), Home: t.TempDir(), Run: run, LookPath: exec.LookPath,
		Vars: map[string]string{"PATH": os.Getenv("PATH")}}
}

func lines(commands []Command) []string {
	var out []string
	for _, c := range commands {
		out = append(out, c.String())
	}
	return out
}

func wantLines(t *testing.T, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Fatalf("got\n  %s\nwant\n  %s", strings.Join(got, "\n  "), strings.Join(want, "\n  "))
	}
}
