//go:build unix

package certs

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Behind sudo nothing runs as root that the user could have put there, however they did it.
func TestUnderSudoRootRunsNothingOfTheUsers(t *testing.T) {
	env := behindSudo(t)
	theirs, roots := env.home("bin"), t.TempDir()
	write(t, theirs+"/roots", 0o755, "#!/bin/sh\necho ran\n") // in a folder of the user's: they may replace it
	must(t, os.Chown(theirs, env.Owner.UID, env.Owner.GID))
	must(t, os.Symlink("/bin/true", theirs+"/link"))
	write(t, roots+"/theirs", 0o755, "#!/bin/sh\necho ran\n")
	must(t, os.Chown(roots+"/theirs", env.Owner.UID, env.Owner.GID))
	write(t, roots+"/anybodys", 0o755, "#!/bin/sh\necho ran\n")
	must(t, os.Chmod(roots+"/anybodys", 0o777))
	must(t, os.Symlink(theirs+"/link", roots+"/detour"))
	must(t, os.Symlink("loop", roots+"/loop"))
	for _, program := range []string{theirs + "/roots", theirs + "/link", roots + "/theirs", roots + "/anybodys", roots + "/detour", roots + "/loop"} {
		out, err := env.do(t.Context(), Command{Argv: []string{program}})
		if err == nil || len(out) > 0 {
			t.Fatalf("%s ran: %s", program, out)
		}
		wantHint(t, err, "run "+program+" as root", "# without sudo")
	}
	write(t, roots+"/roots", 0o755, "#!/bin/sh\necho \"$HOME $PATH\"\n")
	must(t, os.Symlink("roots", roots+"/link"))
	env.Vars["PATH"] = theirs + ":/usr/bin"
	if out, err := env.do(t.Context(), Command{Argv: []string{roots + "/link"}}); err != nil || string(out) != "/ /usr/bin\n" {
		t.Errorf("root's own: %q, %v", out, err)
	}
	if out, err := env.do(t.Context(), Command{Argv: []string{theirs + "/roots"}, As: env.Owner}); err != nil || string(out) != "ran\n" {
		t.Errorf("as the user: %q, %v", out, err)
	}
}

// SDKMAN's keytool is the user's, and the roots that Debian's packages keep are not. No command of a store is begun then.
func TestUnderSudoKeytoolOfTheUser(t *testing.T) {
	env := behindSudo(t)
	home := jvm(t, env.home(".sdkman/candidates/java/21"), "lib/modules")
	must(t, os.MkdirAll(home+"/lib/security", 0o755))
	cacerts := filepath.Join(t.TempDir(), "cacerts")
	write(t, cacerts, 0o644, "")
	must(t, os.Symlink(cacerts, home+"/lib/security/cacerts"))
	ran := filepath.Join(t.TempDir(), "ran")
	write(t, home+"/bin/keytool", 0o755, "#!/bin/sh\ntouch "+ran+"\n")
	must(t, filepath.WalkDir(env.Home, func(path string, _ os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return env.Owner.own(path)
	}))
	s := &javaStore{env: env, home: home, file: cacerts}
	r := Trust(t.Context(), openTest(t, Options{}), []Store{s}, nil)[0]
	if exists(ran) {
		t.Error("it ran")
	}
	wantHint(t, r.Err, "does not belong to root", "letta-dev certs install  # without sudo")
}

// What a command reads is the certificate that was verified, whatever stands in its file when it runs.
func TestCommandsReadWhatWasVerified(t *testing.T) {
	a := openTest(t, Options{})
	want := string(encodeCertificates(a.root.Raw))
	env := fakeEnv(t, "linux", &recorder{}, "certutil", "update-ca-certificates", "firefox")
	write(t, env.path("/usr/local/share/ca-certificates/other.crt"), 0o644, "")
	write(t, env.path("/etc/ssl/certs/ca-certificates.crt"), 0o644, "")
	must(t, os.MkdirAll(env.home(".pki/nssdb"), 0o700))
	jvm(t, env.path("/usr/lib/jvm/x"), "lib/security/cacerts", "lib/modules")
	env.LookPath = found
	var read int
	for _, s := range Stores(env, System, NSS, Java, Policies) {
		commands, err := s.Commands(t.Context(), ToInstall, a.Root())
		must(t, err)
		for _, c := range commands {
			if c.Stdin == "" {
				continue
			}
			read++
			if c.Input != want || !strings.HasSuffix(c.String(), " < "+quote(a.Root().Path)) {
				t.Errorf("%s reads %q", c, c.Input)
			}
		}
	}
	if read < 4 {
		t.Errorf("%d commands read the root", read)
	}
	if out, err := run(t.Context(), Command{Argv: []string{"cat"}, Input: want, Stdin: "/nowhere", Limit: commandLimit}); string(out) != want {
		t.Errorf("%q, %v", out, err)
	}
}
