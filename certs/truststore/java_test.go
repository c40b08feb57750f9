package truststore

import (
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/letta-dev/letta-dev/certs"
	"github.com/letta-dev/letta-dev/certs/certstest"
	"github.com/letta-dev/letta-dev/certs/host"
)

// jvm makes what the stores look for of a JVM, and returns its home.
func jvm(t *testing.T, home string, files ...string) string {
	t.Helper()
	for _, file := range files {
		certstest.Write(t, filepath.Join(home, file), 0o755, "")
	}
	return home
}

func TestJavaStoresAreEveryFileOnce(t *testing.T) {
	env := certstest.FakeEnv(t, "linux", &certstest.Recorder{})
	shared := env.InRoot("/etc/ssl/certs/java/cacerts")
	certstest.Write(t, shared, 0o644, "")
	for _, name := range []string{"java-17", "temurin-25"} { // as Debian's packages have it
		home := jvm(t, env.InRoot("/usr/lib/jvm", name), "lib/security/other", "bin/keytool")
		certstest.Must(t, os.Symlink(shared, filepath.Join(home, "lib/security/cacerts")))
	}
	certstest.Must(t, os.Symlink(env.InRoot("/usr/lib/jvm/java-17"), env.InRoot("/usr/lib/jvm/default-java")))
	jvm(t, env.InRoot("/usr/lib/jvm/java-8"), "jre/lib/security/cacerts")
	jvm(t, env.InRoot("/usr/lib/jvm/not-java"), "bin/other")
	jvm(t, env.InHome(".sdkman/candidates/java/21.0.2-tem"), "lib/security/cacerts", "lib/security/jssecacerts")
	env.Vars["JAVA_HOME"] = jvm(t, env.InRoot("/opt/jdk"), "lib/security/cacerts")
	first := jvm(t, env.InRoot("/opt/first"), "lib/security/cacerts", "bin/java")
	certstest.Must(t, os.Symlink(filepath.Join(first, "bin/java"), env.InRoot("/etc/java")))
	env.LookPath = func(string) (string, error) { return env.InRoot("/etc/java"), nil }

	var got []string
	for _, s := range Stores(env, Java) {
		got = append(got, strings.TrimPrefix(strings.TrimPrefix(s.(*javaStore).file, env.Root), env.Home))
	}
	want := []string{"/opt/jdk/lib/security/cacerts", "/opt/first/lib/security/cacerts", "/etc/ssl/certs/java/cacerts",
		"/usr/lib/jvm/java-8/jre/lib/security/cacerts", "/.sdkman/candidates/java/21.0.2-tem/lib/security/jssecacerts"}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%q, want\n%q", got, want)
	}
}

// A JAVA_HOME that leads nowhere made mkcert fail as a whole (mkcert#88, mkcert#472): here it is no JVM, that is all.
func TestJavaHomeThatIsOdd(t *testing.T) {
	for _, home := range []string{"", "relative/jdk", "/nonexistent", "/"} {
		env := certstest.FakeEnv(t, "linux", &certstest.Recorder{})
		env.Vars["JAVA_HOME"] = home
		if got := Stores(env, Java); len(got) != 0 {
			t.Errorf("JAVA_HOME=%q: %v", home, got)
		}
	}
}

func TestJavaCommands(t *testing.T) {
	a := openTest(t, certs.Options{})
	for name, tc := range map[string]struct {
		files []string
		where string
	}{
		"JDK 9 and later": {[]string{"lib/security/cacerts", "lib/modules"}, "-cacerts"},
		"JDK 8":           {[]string{"jre/lib/security/cacerts"}, "-keystore HOME/jre/lib/security/cacerts"},
		"a file of the machine's own": {[]string{"lib/security/cacerts", "lib/security/jssecacerts", "lib/modules"},
			"-keystore HOME/lib/security/jssecacerts"},
	} {
		t.Run(name, func(t *testing.T) {
			env := certstest.FakeEnv(t, "linux", &certstest.Recorder{})
			home := jvm(t, env.InRoot("/usr/lib/jvm/x"), tc.files...)
			env.LookPath = found
			commands, err := Stores(env, Java)[0].Commands(t.Context(), ToInstall, a.Root())
			certstest.Must(t, err)
			certstest.WantLines(t, certstest.Lines(commands), home+"/bin/keytool -J-Duser.language=en -importcert -noprompt -alias '"+a.Root().Name()+"' "+
				strings.ReplaceAll(tc.where, "HOME", home)+" -storepass changeit < "+a.Root().Path)
		})
	}
}

func found(name string) (string, error) { return name, nil }

// An installation of Java that is broken is said to be, and the other stores are changed all the same.
func TestJavaThatIsBrokenHindersNothing(t *testing.T) {
	a := openTest(t, certs.Options{})
	r := &certstest.Recorder{Reply: func(c host.Command) ([]byte, error) {
		return nil, &host.CommandError{Command: c, Output: "keystore password was incorrect", Err: errors.New("exit status 1")}
	}}
	env := certstest.FakeEnv(t, "linux", r)
	jvm(t, env.InRoot("/usr/lib/jvm/x"), "lib/security/cacerts", "lib/modules")
	env.LookPath = found
	toolless := certstest.FakeEnv(t, "linux", &certstest.Recorder{})
	jvm(t, toolless.InRoot("/usr/lib/jvm/x"), "lib/security/cacerts")
	healthy := debian(t, a.Root().Certificate, nil).(*systemStore)
	healthy.env.LookPath = nil // no curl: this process tries it
	stores := slices.Concat(Stores(env, Java), Stores(toolless, Java), []Store{healthy})
	results := Install(t.Context(), a, stores, nil)
	certstest.WantHint(t, results[0].Err, "password was incorrect", "keytool -J-Duser.language=en -import")
	certstest.WantHint(t, results[1].Err, "bin/keytool is missing", "TRUST_STORES=system,nss")
	if results[0].After == Trusted || len(results[1].Commands) > 0 || results[2].After != Trusted || results[2].Known != ByHandshake || results[2].Err != nil {
		t.Errorf("%+v", results)
	}
	certstest.Write(t, env.InRoot("/usr/lib/jvm/x/lib/security/cacerts"), 0o644, string(a.Root().Certificate.Raw))
	certstest.WantHint(t, Uninstall(t.Context(), certs.Claim{}, stores[:1], nil)[0].Err, "password was incorrect", "keytool -J-Duser.language=en -delete -cacerts -alias '"+a.Root().Name()+"'  # asks for the password")
	if c := r.Commands[len(r.Commands)-1]; c.Limit != host.LookLimit {
		t.Errorf("looking may take %s", c.Limit)
	}
	gone := jvm(t, env.InRoot("/usr/lib/jvm/gone"), "lib/security/cacerts")
	stores = []Store{&javaStore{env: env, home: gone, file: filepath.Join(gone, "nothing")}}
	if r := Prove(t.Context(), certs.Claim{Authority: a}, stores, nil)[0]; r.After != Unavailable || !errors.Is(r.Err, fs.ErrNotExist) {
		t.Errorf("%+v", r)
	}
}

func TestJavaRights(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("NOT PROVEN: root may write everywhere")
	}
	env := certstest.FakeEnv(t, "linux", &certstest.Recorder{})
	env.UID, env.LookPath = os.Geteuid(), found
	home := jvm(t, env.InRoot("/usr/lib/jvm/x"), "lib/security/cacerts")
	for mode, needs := range map[os.FileMode]bool{0o644: false, 0o444: true} {
		certstest.Must(t, os.Chmod(filepath.Join(home, "lib/security/cacerts"), mode))
		commands, err := Stores(env, Java)[0].Commands(t.Context(), ToInstall, openTest(t, certs.Options{}).Root())
		if err != nil || commands[0].NeedsRoot != needs {
			t.Errorf("mode %o: %+v, %v", mode, commands, err)
		}
	}
}

// entryText is what keytool -list -rfc prints for an entry.
func entryText(alias, kind string, certificates ...[]byte) string {
	text := "Alias name: " + alias + "\nCreation date: Nov 23, 2026\nEntry type: " + kind + "\n\n"
	return text + certstest.PEM(certificates...) + "\n\n" + strings.Repeat("*", 43) + "\n\n\n"
}

func TestParseKeytool(t *testing.T) {
	a, older := openTest(t, certs.Options{}), openTest(t, certs.Options{})
	out := "Keystore type: JKS\n\nYour keystore contains 5 entries\n\n" +
		entryText("debian:corporate.pem", "trustedCertEntry", certstest.SelfSigned(t, "another company").Raw) +
		entryText("letta-dev development ca 4264", "trustedCertEntry", a.Root().Certificate.Raw) +
		entryText("by hand Alias name: x", "trustedCertEntry", older.Root().Certificate.Raw) +
		entryText("a key of somebody", "PrivateKeyEntry", issuerOf(t, a).Raw, a.Root().Certificate.Raw) + "Warning: something\n"
	for _, text := range []string{out, strings.ReplaceAll(out, "\n", "\r\n")} {
		got := parseKeytool([]byte(text), a.Root())
		if len(got) != 2 || got[0].alias != "letta-dev development ca 4264" || !got[0].certificate.Equal(a.Root().Certificate) ||
			got[1].alias != "by hand Alias name: x" || !got[1].certificate.Equal(older.Root().Certificate) {
			t.Fatalf("%+v", got)
		}
	}
}

// What keytool prints is read back: a root of ours under its alias, and never one of an entry of another kind. No other
// text makes it invent an alias.
func FuzzParseKeytool(f *testing.F) {
	a, _, err := certs.Open(filepath.Join(f.TempDir(), "ca"), certs.Options{})
	if err != nil {
		f.Fatal(err)
	}
	f.Add("letta-dev development ca 1", "trustedCertEntry", "")
	f.Add("debian:x.pem", "PrivateKeyEntry", "Alias name: y\nEntry type: trustedCertEntry\n")
	f.Add("", "", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.Root().Certificate.Raw})))
	f.Fuzz(func(t *testing.T, alias, kind, noise string) {
		for _, entry := range parseKeytool([]byte(noise+"\n"+alias), a.Root()) {
			if !strings.Contains(noise+"\n"+alias, "Alias name: "+entry.alias) {
				t.Fatalf("%q is no alias in it", entry.alias)
			}
		}
		if strings.ContainsAny(alias+kind, "\r\n") {
			return // not what keytool prints
		}
		got := parseKeytool([]byte(entryText(alias, kind, a.Root().Certificate.Raw)), a.Root())
		if want := strings.HasSuffix(kind, "trustedCertEntry"); want != (len(got) == 1) || want && got[0].alias != alias {
			t.Fatalf("alias %q of kind %q is read as %+v", alias, kind, got)
		}
	})
}

// Whatever stands around them, the roots of ours are found in a file, each once and no other.
func FuzzOurCertificates(f *testing.F) {
	a, _, err := certs.Open(filepath.Join(f.TempDir(), "ca"), certs.Options{})
	if err != nil {
		f.Fatal(err)
	}
	f.Add([]byte{0xfe, 0xed, 0xfe, 0xed}, []byte{})
	f.Add([]byte{0x30, 0x82, 0xff, 0xff}, []byte(certs.Organisation))
	f.Add(a.Root().Certificate.Raw, issuerOf(f, a).Raw)
	f.Fuzz(func(t *testing.T, before, after []byte) {
		found := ourCertificates(slices.Concat(before, a.Root().Certificate.Raw, after, a.Root().Certificate.Raw))
		if !slices.ContainsFunc(found, a.Root().Certificate.Equal) {
			t.Fatal("not found")
		}
		for i, c := range found {
			if !certs.IsOurs(c) || slices.ContainsFunc(found[:i], c.Equal) {
				t.Fatalf("found %v", c.Subject)
			}
		}
	})
}

// issuerOf returns the intermediate of an authority.
func issuerOf(t testing.TB, a *certs.Authority) *x509.Certificate {
	data, err := os.ReadFile(filepath.Join(a.Dir(), "intermediate.pem"))
	certstest.Must(t, err)
	block, _ := pem.Decode(data)
	c, err := x509.ParseCertificate(block.Bytes)
	certstest.Must(t, err)
	return c
}
