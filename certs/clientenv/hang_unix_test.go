//go:build unix

package clientenv

import (
	"context"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/letta-dev/letta-dev/certs"
	"github.com/letta-dev/letta-dev/certs/certstest"
	"github.com/letta-dev/letta-dev/certs/host"
)

// A git that hangs is ended soon, and said to be why its variable stays as it is.
func TestVariablesWithAGitThatHangs(t *testing.T) {
	env := certstest.RealEnv(t)
	certstest.Write(t, env.InRoot("/etc/ssl/cert.pem"), 0o644, certstest.PEM(certstest.SelfSigned(t, "another").Raw))
	git := env.InRoot("/bin/git")
	certstest.Write(t, git, 0o755, "#!/bin/sh\nsleep 600\n")
	env.LookPath = func(name string) (string, error) {
		if name == "git" {
			return git, nil
		}
		return "", exec.ErrNotFound
	}
	env.Run = func(ctx context.Context, c host.Command) ([]byte, error) {
		if c.Limit > host.LookLimit {
			t.Errorf("%s may take %s", c, c.Limit)
		}
		c.Limit = 100 * time.Millisecond
		return host.Run(ctx, c)
	}
	_, problems, err := Variables(t.Context(), env, openTest(t, certs.Options{}).Root(),
		Options{Dir: env.InHome("roots"), Getenv: func(string) string { return "" }})
	certstest.Must(t, err)
	if len(problems) != 1 || !strings.Contains(problems[0].Error(), "GIT_SSL_CAINFO stays as it is") || !strings.Contains(problems[0].Error(), "no end after") {
		t.Errorf("%v", problems)
	}
}
