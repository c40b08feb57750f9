//go:build unix

package certs

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// hangingEnv is a machine whose tools, found by their names, wait for an answer for ever. The limits are a test's.
func hangingEnv(t *testing.T) Env {
	t.Helper()
	env := realEnv(t)
	tool := env.path("/bin/tool")
	write(t, tool, 0o755, "#!/bin/sh\necho 'Password or Pin:' >&2\nsleep 600\n")
	env.LookPath = func(name string) (string, error) {
		if strings.HasPrefix(name, "chromium") || name == "certutil" || name == "update-ca-certificates" || strings.HasPrefix(name, "/") {
			return tool, nil
		}
		return "", exec.ErrNotFound
	}
	env.Run = func(ctx context.Context, c Command) ([]byte, error) {
		if c.Limit > sudoLimit {
			t.Errorf("%s may take %s", c, c.Limit)
		}
		if c.Argv[0] == tool || filepath.Base(c.Argv[0]) == "keytool" { // what works may take its time
			c.Limit = 100 * time.Millisecond
		}
		return run(ctx, c)
	}
	return env
}

// Tools that hang are ended, and it is said which and why, of every store; none keeps the others from being tried.
func TestToolsThatHang(t *testing.T) {
	a := openTest(t, Options{})
	env := hangingEnv(t)
	write(t, env.path("/usr/local/share/ca-certificates/other.crt"), 0o644, "")
	write(t, env.path("/etc/ssl/certs/ca-certificates.crt"), 0o644, "")
	write(t, env.home(".pki/nssdb/cert9.db"), 0o600, "")
	home := jvm(t, env.path("/usr/lib/jvm/x"), "lib/security/cacerts", "lib/modules")
	write(t, home+"/bin/keytool", 0o755, "#!/bin/sh\necho 'Enter keystore password:' >&2\nsleep 600\n")
	began := time.Now()
	results := Trust(t.Context(), a, Stores(env, System, NSS, Java), nil)
	if took := time.Since(began); took > outputLimit {
		t.Errorf("took %s", took)
	}
	if len(results) != 3 {
		t.Fatalf("%+v", results)
	}
	for i, tool := range []string{"/bin/tool", "/bin/tool -d sql:", "bin/keytool"} {
		wantHint(t, results[i].Err, "no end after 100ms", "")
		wantHint(t, results[i].Err, tool, "")
	}
}

// A pipe in the place of any file that a store is made of holds nothing up, and counts for what it is: no file.
func TestPipesAmongTheStores(t *testing.T) {
	a := openTest(t, Options{})
	env := fakeEnv(t, "linux", &recorder{}, "firefox", "chromium")
	pipe := func(path string) string {
		must(t, os.MkdirAll(filepath.Dir(path), 0o755))
		must(t, syscall.Mkfifo(path, 0o644))
		return path
	}
	pipe(env.path("/usr/local/share/ca-certificates/pipe.crt"))
	pipe(env.home(".mozilla/firefox/profiles.ini"))
	bundle, list := env.path("/etc/ssl/certs/ca-certificates.crt"), env.path("/etc/firefox/policies/policies.json")
	write(t, bundle, 0o644, "")
	entry, err := withPolicyList(nil, []string{"policies", "Certificates", "Install"}, []policyEntry{fileEntry(pipe(env.path("/entry.pem")))})
	must(t, err)
	write(t, list, 0o644, entry)
	pipe(env.path("/etc/chromium/policies/managed/other.json"))
	for _, s := range Stores(env, System, Policies) {
		wantState(t, s, a.Root(), Absent)
		_, _ = s.Commands(t.Context(), ToInstall, a.Root()) // it ends
	}
	must(t, os.Remove(bundle))
	must(t, os.Remove(list))
	pipe(bundle)
	pipe(list)
	home := jvm(t, env.path("/usr/lib/jvm/x"), "lib/modules")
	pipe(home + "/lib/security/cacerts")
	unreadable := Stores(env, System, Java, Policies)
	for _, s := range []Store{unreadable[0], unreadable[1], unreadable[len(unreadable)-1]} {
		status, err := s.Status(t.Context(), a.Root())
		if status.State != Unavailable || err == nil || !strings.Contains(err.Error(), "it is a pipe") {
			t.Errorf("%s: %+v, %v", s.Name(), status, err)
		}
		wantHint(t, err, status.Where, " ") // a command
	}
}

// What a tool prints when it goes wrong is never read as trust.
func TestToolsThatPrintGarbage(t *testing.T) {
	a := openTest(t, Options{})
	for _, garbage := range []string{"\x00\xff\xfe", "C,,", "letta-dev development CA   C,,\n", strings.Repeat("x   C,,\n", 10), "Alias name: \nEntry type: trustedCertEntry\n"} {
		r := &recorder{reply: func(Command) ([]byte, error) { return []byte(garbage), nil }}
		env := fakeEnv(t, "linux", r, "certutil", "update-ca-certificates")
		write(t, env.path("/usr/local/share/ca-certificates/other.crt"), 0o644, "")
		write(t, env.path("/etc/ssl/certs/ca-certificates.crt"), 0o644, garbage)
		write(t, env.home(".pki/nssdb/cert9.db"), 0o600, garbage)
		jvm(t, env.path("/usr/lib/jvm/x"), "lib/modules")
		write(t, env.path("/usr/lib/jvm/x/lib/security/cacerts"), 0o644, garbage)
		env.LookPath = found
		for _, s := range Stores(env, System, NSS, Java) {
			if status, err := s.Status(t.Context(), a.Root()); status.State == Trusted || len(status.Stale) > 0 {
				t.Errorf("%q: %s: %+v, %v", garbage, s.Name(), status, err)
			}
		}
	}
}

// A git that hangs is ended soon, and said to be why its variable stays as it is.
func TestVariablesWithAGitThatHangs(t *testing.T) {
	env := realEnv(t)
	write(t, env.path("/etc/ssl/cert.pem"), 0o644, string(encodeCertificates(selfSigned(t, "another").Raw)))
	git := env.path("/bin/git")
	write(t, git, 0o755, "#!/bin/sh\nsleep 600\n")
	env.LookPath = func(name string) (string, error) {
		if name == "git" {
			return git, nil
		}
		return "", exec.ErrNotFound
	}
	env.Run = func(ctx context.Context, c Command) ([]byte, error) {
		if c.Limit > lookLimit {
			t.Errorf("%s may take %s", c, c.Limit)
		}
		c.Limit = 100 * time.Millisecond
		return run(ctx, c)
	}
	_, problems, err := Variables(t.Context(), env, openTest(t, Options{}).Root(),
		VariableOptions{Dir: env.home("roots"), Getenv: func(string) string { return "" }})
	must(t, err)
	if len(problems) != 1 || !strings.Contains(problems[0].Error(), "GIT_SSL_CAINFO stays as it is") || !strings.Contains(problems[0].Error(), "no end after") {
		t.Errorf("%v", problems)
	}
}
