//go:build unix

package truststore

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/letta-dev/letta-dev/certs"
	"github.com/letta-dev/letta-dev/certs/certstest"
	"github.com/letta-dev/letta-dev/certs/host"
)

// hangingEnv is a machine whose tools, found by their names, wait for an answer for ever. The limits are a test's.
func hangingEnv(t *testing.T) host.Env {
	t.Helper()
	env := certstest.RealEnv(t)
	tool := env.InRoot("/bin/tool")
	certstest.Write(t, tool, 0o755, "#!/bin/sh\necho 'Password or Pin:' >&2\nsleep 600\n")
	env.LookPath = func(name string) (string, error) {
		if strings.HasPrefix(name, "chromium") || name == "certutil" || name == "update-ca-certificates" || strings.HasPrefix(name, "/") {
			return tool, nil
		}
		return "", exec.ErrNotFound
	}
	env.Run = func(ctx context.Context, c host.Command) ([]byte, error) {
		if c.Limit > host.SudoLimit {
			t.Errorf("%s may take %s", c, c.Limit)
		}
		if c.Argv[0] == tool || filepath.Base(c.Argv[0]) == "keytool" { // what works may take its time
			c.Limit = 100 * time.Millisecond
		}
		return host.Run(ctx, c)
	}
	return env
}

// Tools that hang are ended, and it is said which and why, of every store; none keeps the others from being tried.
func TestToolsThatHang(t *testing.T) {
	a := openTest(t, certs.Options{})
	env := hangingEnv(t)
	certstest.Write(t, env.InRoot("/usr/local/share/ca-certificates/other.crt"), 0o644, "")
	certstest.Write(t, env.InRoot("/etc/ssl/certs/ca-certificates.crt"), 0o644, "")
	certstest.Write(t, env.InHome(".pki/nssdb/cert9.db"), 0o600, "")
	home := jvm(t, env.InRoot("/usr/lib/jvm/x"), "lib/security/cacerts", "lib/modules")
	certstest.Write(t, home+"/bin/keytool", 0o755, "#!/bin/sh\necho 'Enter keystore password:' >&2\nsleep 600\n")
	began := time.Now()
	results := Install(t.Context(), a, Stores(env, System, NSS, Java), nil)
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("took %s", took)
	}
	if len(results) != 3 {
		t.Fatalf("%+v", results)
	}
	for i, tool := range []string{"/bin/tool", "/bin/tool -d sql:", "bin/keytool"} {
		certstest.WantHint(t, results[i].Err, "no end after 100ms", "")
		certstest.WantHint(t, results[i].Err, tool, "")
	}
}

// A pipe in the place of any file that a store is made of holds nothing up, and counts for what it is: no file.
func TestPipesAmongTheStores(t *testing.T) {
	a := openTest(t, certs.Options{})
	env := certstest.FakeEnv(t, "linux", &certstest.Recorder{}, "firefox", "chromium")
	pipe := func(path string) string {
		certstest.Must(t, os.MkdirAll(filepath.Dir(path), 0o755))
		certstest.Must(t, syscall.Mkfifo(path, 0o644))
		return path
	}
	pipe(env.InRoot("/usr/local/share/ca-certificates/pipe.crt"))
	pipe(env.InHome(".mozilla/firefox/profiles.ini"))
	bundle, list := env.InRoot("/etc/ssl/certs/ca-certificates.crt"), env.InRoot("/etc/firefox/policies/policies.json")
	certstest.Write(t, bundle, 0o644, "")
	entry, err := withPolicyList(nil, []string{"policies", "Certificates", "Install"}, []policyEntry{fileEntry(pipe(env.InRoot("/entry.pem")))})
	certstest.Must(t, err)
	certstest.Write(t, list, 0o644, entry)
	pipe(env.InRoot("/etc/chromium/policies/managed/other.json"))
	for _, s := range Stores(env, System, Policies) {
		wantState(t, s, a.Root(), Absent)
		_, _ = s.Commands(t.Context(), ToInstall, a.Root()) // it ends
	}
	certstest.Must(t, os.Remove(bundle))
	certstest.Must(t, os.Remove(list))
	pipe(bundle)
	pipe(list)
	home := jvm(t, env.InRoot("/usr/lib/jvm/x"), "lib/modules")
	pipe(home + "/lib/security/cacerts")
	unreadable := Stores(env, System, Java, Policies)
	for _, s := range []Store{unreadable[0], unreadable[1], unreadable[len(unreadable)-1]} {
		status, err := s.Status(t.Context(), a.Root())
		if status.State != Unavailable || err == nil || !strings.Contains(err.Error(), "it is a pipe") {
			t.Errorf("%s: %+v, %v", s.Name(), status, err)
		}
		certstest.WantHint(t, err, status.Where, " ") // a command
	}
}

// What a tool prints when it goes wrong is never read as trust.
func TestToolsThatPrintGarbage(t *testing.T) {
	a := openTest(t, certs.Options{})
	for _, garbage := range []string{"\x00\xff\xfe", "C,,", "letta-dev development CA   C,,\n", strings.Repeat("x   C,,\n", 10), "Alias name: \nEntry type: trustedCertEntry\n"} {
		r := &certstest.Recorder{Reply: func(host.Command) ([]byte, error) { return []byte(garbage), nil }}
		env := certstest.FakeEnv(t, "linux", r, "certutil", "update-ca-certificates")
		certstest.Write(t, env.InRoot("/usr/local/share/ca-certificates/other.crt"), 0o644, "")
		certstest.Write(t, env.InRoot("/etc/ssl/certs/ca-certificates.crt"), 0o644, garbage)
		certstest.Write(t, env.InHome(".pki/nssdb/cert9.db"), 0o600, garbage)
		jvm(t, env.InRoot("/usr/lib/jvm/x"), "lib/modules")
		certstest.Write(t, env.InRoot("/usr/lib/jvm/x/lib/security/cacerts"), 0o644, garbage)
		env.LookPath = found
		for _, s := range Stores(env, System, NSS, Java) {
			if status, err := s.Status(t.Context(), a.Root()); status.State == Trusted || len(status.Stale) > 0 {
				t.Errorf("%q: %s: %+v, %v", garbage, s.Name(), status, err)
			}
		}
	}
}
