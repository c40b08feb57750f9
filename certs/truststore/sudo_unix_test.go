//go:build unix

package truststore

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/letta-dev/letta-dev/certs"
	"github.com/letta-dev/letta-dev/certs/certstest"
	"github.com/letta-dev/letta-dev/certs/host"
)

// SDKMAN's keytool is the user's, and the roots that Debian's packages keep are not. No command of a store is begun then.
func TestUnderSudoKeytoolOfTheUser(t *testing.T) {
	env := certstest.UnderSudo(t)
	home := jvm(t, env.InHome(".sdkman/candidates/java/21"), "lib/modules")
	certstest.Must(t, os.MkdirAll(home+"/lib/security", 0o755))
	cacerts := filepath.Join(t.TempDir(), "cacerts")
	certstest.Write(t, cacerts, 0o644, "")
	certstest.Must(t, os.Symlink(cacerts, home+"/lib/security/cacerts"))
	ran := filepath.Join(t.TempDir(), "ran")
	certstest.Write(t, home+"/bin/keytool", 0o755, "#!/bin/sh\ntouch "+ran+"\n")
	certstest.Must(t, filepath.WalkDir(env.Home, func(path string, _ os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return env.Owner.Chown(path)
	}))
	s := &javaStore{env: env, home: home, file: cacerts}
	r := Install(t.Context(), openTest(t, certs.Options{}), []Store{s}, nil)[0]
	if host.Exists(ran) {
		t.Error("it ran")
	}
	certstest.WantHint(t, r.Err, "does not belong to root", "letta-dev certs install  # without sudo")
}

// What a command reads is the certificate that was verified, whatever stands in its file when it runs.
func TestCommandsReadWhatWasVerified(t *testing.T) {
	a := openTest(t, certs.Options{})
	want := certstest.PEM(a.Root().Certificate.Raw)
	env := certstest.FakeEnv(t, "linux", &certstest.Recorder{}, "certutil", "update-ca-certificates", "firefox")
	certstest.Write(t, env.InRoot("/usr/local/share/ca-certificates/other.crt"), 0o644, "")
	certstest.Write(t, env.InRoot("/etc/ssl/certs/ca-certificates.crt"), 0o644, "")
	certstest.Must(t, os.MkdirAll(env.InHome(".pki/nssdb"), 0o700))
	jvm(t, env.InRoot("/usr/lib/jvm/x"), "lib/security/cacerts", "lib/modules")
	env.LookPath = found
	var read int
	for _, s := range Stores(env, System, NSS, Java, Policies) {
		commands, err := s.Commands(t.Context(), ToInstall, a.Root())
		certstest.Must(t, err)
		for _, c := range commands {
			if c.Stdin == "" {
				continue
			}
			read++
			if c.Input != want || !strings.HasSuffix(c.String(), " < "+host.Quote(a.Root().Path)) {
				t.Errorf("%s reads %q", c, c.Input)
			}
		}
	}
	if read < 4 {
		t.Errorf("%d commands read the root", read)
	}
	if out, err := host.Run(t.Context(), host.Command{Argv: []string{"cat"}, Input: want, Stdin: "/nowhere", Limit: host.CommandLimit}); string(out) != want {
		t.Errorf("%q, %v", out, err)
	}
}

func TestUnderSudoBrowserStoresBelongToTheCaller(t *testing.T) {
	certstest.RequireTool(t, "certutil")
	env := certstest.UnderSudo(t)
	s := &nssStore{env: env, name: "Chrome", dir: env.InHome(".local/share/pki/nssdb")}
	a := openTest(t, certs.Options{}) // in a folder the caller may not read
	if r := Install(t.Context(), a, []Store{s}, nil)[0]; r.Err != nil || r.After != Trusted {
		t.Fatalf("trust: %+v", r)
	}
	certstest.WantOwner(t, env)
}
