//go:build unix

package clientenv

import (
	"bytes"
	"crypto/x509"
	"encoding/binary"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/letta-dev/letta-dev/certs"
	"github.com/letta-dev/letta-dev/certs/certstest"
)

// The JVM that JAVA_HOME names and the one in PATH keep what they trust, whatever the system trusts.
func TestVariablesKeepTheRootsOfJava(t *testing.T) {
	s := newShell(t, "java")
	s.eval()
	s.wantJava(s.java, s.root.Certificate) // java in PATH is no JVM's own: all of the machine are meant

	corp := certstest.SelfSigned(t, "corp")
	s.set["JAVA_HOME"] = s.newJVM("corp", corp)
	for range 2 { // from the shell that has the other trust store of ours already
		if said := s.eval(); said != "[]" {
			t.Error(said)
		}
		s.wantJava(corp, s.root.Certificate)
	}
	other := filepath.Join(s.newJVM("path", s.java, corp), "bin/java")
	certstest.Write(t, other, 0o755, "")
	s.env.LookPath = func(string) (string, error) { return other, nil }
	s.eval()
	s.wantJava(corp, s.java, s.root.Certificate)

	certstest.Must(t, os.Rename(filepath.Join(s.set["JAVA_HOME"], "lib/security/cacerts"), filepath.Join(s.set["JAVA_HOME"], "lib/security/jssecacerts")))
	s.newJVM("corp", certstest.SelfSigned(t, "not read beside jssecacerts"))
	s.eval()
	s.wantJava(corp, s.java, s.root.Certificate)
}

// A JVM whose roots cannot be read stays as it is, and somebody says so.
func TestVariablesLeaveAJVMThatCannotBeRead(t *testing.T) {
	s := newShell(t, "java")
	for roots, says := range map[string]string{
		"":                           "holds no certificate",
		"\x30\x82\x00\x05hello":      "no keystore of Java's that can be read",
		jks + "\x00\x00\x00\x01":     "the keystore is damaged",
		jks + "\xff\xff\xff\xff\x00": "the keystore is damaged",
		jks + "\x00\x00\x00\x00":     "holds no certificate",
	} {
		s.set = map[string]string{"JAVA_HOME": s.newJVM("broken")}
		certstest.Write(t, filepath.Join(s.set["JAVA_HOME"], "lib/security/cacerts"), 0o644, roots)
		if said := s.eval(); !strings.Contains(said, "JDK_JAVA_OPTIONS stays as it is") || !strings.Contains(said, says) || s.set["JDK_JAVA_OPTIONS"] != "" {
			t.Errorf("%q: said %s, want %q", roots, said, says)
		}
	}
	for _, home := range []string{"/nowhere", "jdk"} {
		s.set = map[string]string{"JAVA_HOME": home}
		_, problems, err := s.variables()
		certstest.Must(t, err)
		if len(problems) != 1 {
			t.Fatalf("JAVA_HOME=%s: %v", home, problems)
		}
		certstest.WantHint(t, problems[0], "where no JVM keeps its roots", "unset JAVA_HOME")
	}
	certstest.Must(t, os.RemoveAll(s.env.InRoot("/usr/lib/jvm")))
	s.set = map[string]string{}
	if said := s.eval(); !strings.Contains(said, "in no place where JVMs keep them") {
		t.Error(said)
	}
}

// What keytool has imported, into any kind of file that a JVM reads, is read back.
func TestKeystoresOfKeytool(t *testing.T) {
	keytool := certstest.RequireTool(t, "keytool")
	corp := filepath.Join(t.TempDir(), "corp.pem")
	certificate := certstest.SelfSigned(t, "corp")
	certstest.Write(t, corp, 0o644, certstest.PEM(certificate.Raw))
	for name, flags := range map[string][]string{
		"JKS":                         {"-storetype", "JKS"},
		"PKCS #12":                    {"-storetype", "PKCS12"},
		"PKCS #12 without a password": {"-storetype", "PKCS12", "-J-Dkeystore.pkcs12.certProtectionAlgorithm=NONE", "-J-Dkeystore.pkcs12.macAlgorithm=NONE"},
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "cacerts")
			args := append([]string{"-importcert", "-noprompt", "-alias", "corp", "-file", corp, "-keystore", file, "-storepass", "changeit"}, flags...)
			if out, err := exec.CommandContext(t.Context(), keytool, args...).CombinedOutput(); err != nil {
				t.Fatalf("%v: %s", err, out)
			}
			roots, err := readRoots(file)
			if err != nil || len(roots) != 1 || !bytes.Equal(roots[0].Bytes, certificate.Raw) {
				t.Errorf("%d roots, %v", len(roots), err)
			}
		})
	}
}

// jksOf writes a keystore of certificates, and of a key with a chain of them all.
func jksOf(certificates ...*x509.Certificate) []byte {
	number := func(n int) []byte { return binary.BigEndian.AppendUint32(nil, uint32(n)) }
	text := func(s string) []byte { return append(binary.BigEndian.AppendUint16(nil, uint16(len(s))), s...) }
	var chain []byte
	data := append([]byte(jks), number(len(certificates)+1)...)
	for _, c := range certificates {
		one := bytes.Join([][]byte{text("X.509"), number(len(c.Raw)), c.Raw}, nil)
		chain = append(chain, one...)
		data = bytes.Join([][]byte{data, number(2), text(c.Subject.CommonName), make([]byte, 8), one}, nil)
	}
	data = bytes.Join([][]byte{data, number(1), text("key"), make([]byte, 8), number(3), []byte("key"), number(len(certificates)), chain}, nil)
	return append(data, make([]byte, 20)...)
}

// A key's chain is trusted for its first certificate; a file that was cut off is damaged, wherever.
func TestKeystoreWithAKey(t *testing.T) {
	one, two := certstest.SelfSigned(t, "one"), certstest.SelfSigned(t, "two")
	whole := jksOf(one, two)
	roots, err := keystoreRoots(whole)
	certstest.Must(t, err)
	if len(roots) != 3 || !bytes.Equal(roots[0].Bytes, one.Raw) || !bytes.Equal(roots[1].Bytes, two.Raw) || !bytes.Equal(roots[2].Bytes, one.Raw) {
		t.Errorf("read %d roots", len(roots))
	}
	for n := len(jks); n < len(whole)-20; n++ {
		if _, err := keystoreRoots(whole[:n]); err == nil {
			t.Fatalf("cut off at %d of %d it is whole", n, len(whole))
		}
	}
}

// What is read of a keystore is whole, and what is read of a JKS stands in it.
func FuzzKeystore(f *testing.F) {
	one := certstest.SelfSigned(f, "one")
	f.Add(jksOf(one))
	f.Add(jksOf())
	f.Add([]byte(jks + "\x00\x00\x00\x01\x00\x00\x00\x03"))
	f.Add([]byte("\x30\x82\x00\x05hello"))
	f.Fuzz(func(t *testing.T, data []byte) {
		roots, _ := keystoreRoots(data)
		for _, root := range roots {
			_, rest, ok := certs.SplitCertificate(root.Bytes)
			if !ok || len(rest) > 0 || bytes.HasPrefix(data, []byte(jks)) && !bytes.Contains(data, root.Bytes) {
				t.Errorf("made up: %x", root.Bytes)
			}
		}
	})
}
