package truststore

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/letta-dev/letta-dev/certs"
	"github.com/letta-dev/letta-dev/certs/certstest"
)

// The class that proves Java's trust is what its source says, for Java 8.
func TestHandshakeIsCompiledFromItsSource(t *testing.T) {
	javac := certstest.RequireTool(t, "javac")
	dir := t.TempDir()
	out, err := exec.CommandContext(t.Context(), javac, "--release", "8", "-Xlint:-options", "-g:none", "-d", dir, "handshake/Handshake.java").CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if !bytes.Equal(certstest.Read(t, filepath.Join(dir, "Handshake.class")), handshake) {
		t.Error("compile it anew: javac --release 8 -Xlint:-options -g:none handshake/Handshake.java")
	}
}

// Every JVM of this machine refuses, accepts and refuses again, in both formats that such files have; roots of others stay.
func TestJavaOfThisMachine(t *testing.T) {
	if testing.Short() {
		t.Skip("NOT PROVEN: a JVM takes half a second to start, and here are many")
	}
	certstest.RequireTool(t, "keytool")
	if !certstest.InNamespace(t) {
		return
	}
	env := machineEnv(t)
	foreign := filepath.Join(t.TempDir(), "foreign.pem")
	certstest.Write(t, foreign, 0o644, certstest.PEM(certstest.SelfSigned(t, "another company").Raw))
	a, older := openTest(t, certs.Options{}), openTest(t, certs.Options{})
	formats := [][]string{{"-storetype", "JKS"}, // Debian's; then that of JDK 18 and later
		{"-storetype", "PKCS12", "-J-Dkeystore.pkcs12.certProtectionAlgorithm=NONE", "-J-Dkeystore.pkcs12.macAlgorithm=NONE"}}
	for i, home := range existing(javaHomes(env)...) {
		file, ok := JVMRoots(home)
		if !ok {
			continue
		}
		t.Run(filepath.Base(home), func(t *testing.T) {
			certstest.Must(t, syscall.Mount("tmpfs", filepath.Dir(file), "tmpfs", 0, ""))
			defer func() { certstest.Must(t, syscall.Unmount(filepath.Dir(file), 0)) }()
			importing := append([]string{"-importcert", "-noprompt", "-keystore", file, "-storepass", "changeit"}, formats[i%len(formats)]...)
			for alias, path := range map[string]string{"corporate": foreign, "by hand": older.Root().Path} {
				keytool := exec.CommandContext(t.Context(), filepath.Join(home, "bin/keytool"), append(importing, "-alias", alias, "-file", path)...)
				if out, err := keytool.CombinedOutput(); err != nil {
					t.Fatalf("%v: %s", err, out)
				}
			}
			wantJavaComesAndGoes(t, a, &javaStore{env: env, home: home, file: file})
		})
	}
}

func wantJavaComesAndGoes(t *testing.T, a *certs.Authority, s *javaStore) {
	t.Helper()
	if r := Prove(t.Context(), certs.Claim{Authority: a}, []Store{s}, nil)[0]; r.After != Absent || r.Known != ByHandshake || r.Client != "java" || r.Err != nil || len(r.Stale) != 1 {
		t.Fatalf("before: %+v", r)
	}
	if r := Install(t.Context(), a, []Store{s}, nil)[0]; r.After != Trusted || r.Known != ByHandshake || r.Err != nil || len(r.Commands) != 1 {
		t.Fatalf("trust: %+v", r)
	}
	if r := Install(t.Context(), a, []Store{s}, nil)[0]; r.After != Trusted || r.Err != nil || len(r.Commands) != 0 {
		t.Fatalf("trust again: %+v", r)
	}
	if r := Uninstall(t.Context(), certs.Claim{Authority: a}, []Store{s}, nil)[0]; r.After != Absent || r.Known != ByHandshake || r.Err != nil || len(r.Commands) != 2 {
		t.Fatalf("untrust: %+v", r)
	}
	if r := Uninstall(t.Context(), certs.Claim{}, []Store{s}, nil)[0]; r.Err != nil || len(r.Commands) != 0 {
		t.Fatalf("untrust again: %+v", r)
	}
	out, err := s.env.Do(t.Context(), s.keytool("-list"))
	if err != nil || !bytes.Contains(out, []byte("corporate, ")) {
		t.Errorf("another company's root is gone: %v, %s", err, out)
	}
}

// What mkcert has put into a file of Java's stays, and what we have put there of mkcert's goes, in both formats.
func TestJavaTellsWhoPutMkcertsRoot(t *testing.T) {
	keytool, err := filepath.EvalSymlinks(certstest.RequireTool(t, "keytool"))
	certstest.Must(t, err)
	home, by := filepath.Dir(filepath.Dir(keytool)), openTest(t, certs.Options{CAROOT: certstest.FakeCAROOT(t)}).Root()
	for _, format := range [][]string{{"-storetype", "JKS"},
		{"-storetype", "PKCS12", "-J-Dkeystore.pkcs12.certProtectionAlgorithm=NONE", "-J-Dkeystore.pkcs12.macAlgorithm=NONE"}} {
		s, theirs := &javaStore{env: certstest.RealEnv(t), home: home, file: t.TempDir() + "/roots"}, openTest(t, certs.Options{CAROOT: certstest.FakeCAROOT(t)}).Root()
		add := append([]string{"-importcert", "-noprompt", "-keystore", s.file, "-storepass", "changeit", "-alias", theirs.Name()[len(certs.Borrowed):], "-file", theirs.Path}, format...)
		if out, err := exec.CommandContext(t.Context(), keytool, add...).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		certstest.Must(t, s.Change(t.Context(), ToInstall, by))
		wantState(t, s, by, Trusted)
		certstest.Must(t, s.Change(t.Context(), ToUninstall, certs.Root{}))
		wantState(t, s, by, Absent)
		wantState(t, s, theirs, Trusted)
		if commands, err := s.Commands(t.Context(), ToUninstall, certs.Root{}); err != nil || len(commands) > 0 {
			t.Errorf("once more: %q, %v", certstest.Lines(commands), err)
		}
	}
}

// A class that cannot be written, or a JVM that is none, is no proof of anything.
func TestJavaProofThatCannotBeMade(t *testing.T) {
	env := certstest.RealEnv(t)
	home := jvm(t, env.InRoot("/jdk"), "bin/java", "lib/security/cacerts")
	certstest.Write(t, filepath.Join(home, "bin/keytool"), 0o755, "#!/bin/sh\n") // it lists nothing
	s := &javaStore{env: env, home: home, file: filepath.Join(home, "lib/security/cacerts")}
	if r := Prove(t.Context(), certs.Claim{Authority: openTest(t, certs.Options{})}, []Store{s}, nil)[0]; r.After != Absent || r.Known != ByBundle || r.Err == nil {
		t.Errorf("%+v", r)
	}
	t.Setenv("TMPDIR", filepath.Join(env.Home, "nonexistent"))
	if _, err := s.prove(t.Context(), &proof{}); !os.IsNotExist(err) {
		t.Errorf("%v", err)
	}
}
