//go:build unix

package clientenv

import (
	"bytes"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"software.sslmate.com/src/go-pkcs12"

	"github.com/letta-dev/letta-dev/certs"
	"github.com/letta-dev/letta-dev/certs/certstest"
	"github.com/letta-dev/letta-dev/certs/host"
)

// shell is a user's shell: what it has set, and the machine it runs on.
type shell struct {
	t      *testing.T
	env    host.Env
	git    string // http.sslCAInfo in git's configuration
	root   certs.Root
	dir    string
	set    map[string]string
	system *x509.Certificate // the one public root of this machine
	java   *x509.Certificate // and that of its one JVM
}

func newShell(t *testing.T, installed ...string) *shell {
	t.Helper()
	s := &shell{t: t, set: map[string]string{}, system: certstest.SelfSigned(t, "public"), java: certstest.SelfSigned(t, "Java's own")}
	s.env = certstest.FakeEnv(t, "linux", &certstest.Recorder{Reply: func(c host.Command) ([]byte, error) {
		if s.git == "" {
			return nil, &host.CommandError{Command: c, Err: os.ErrNotExist}
		}
		return []byte(s.git + "\n"), nil
	}}, installed...)
	s.dir = filepath.Join(s.env.Home, "bundles")
	look := s.env.LookPath
	s.env.LookPath = func(name string) (string, error) { // what this machine has in /usr/bin does not matter
		path, err := look(name)
		return s.env.InRoot(path), err
	}
	s.newJVM("one", s.java)
	certstest.Write(t, s.env.InRoot("/etc/ssl/certs/ca-certificates.crt"), 0o644, certstest.PEM(s.system.Raw))
	s.replaceRoot()
	return s
}

// newJVM makes the folder of a JVM that trusts some roots.
func (s *shell) newJVM(name string, roots ...*x509.Certificate) string {
	home := s.env.InRoot("/usr/lib/jvm", name)
	store, err := encodeTrustStore(encodeBlocks("CERTIFICATE", roots...))
	certstest.Must(s.t, err)
	certstest.Write(s.t, filepath.Join(home, "lib/security/cacerts"), 0o644, string(store))
	return home
}

// wantJava requires that java is led to a trust store with these roots and no others.
func (s *shell) wantJava(want ...*x509.Certificate) {
	s.t.Helper()
	store := strings.TrimPrefix(s.set["JDK_JAVA_OPTIONS"], trustStoreOption)
	got, err := pkcs12.DecodeTrustStore(certstest.Read(s.t, store), "")
	if err != nil || !slices.EqualFunc(got, want, (*x509.Certificate).Equal) {
		s.t.Errorf("java is led to %d roots, want %d; %v", len(got), len(want), err)
	}
}

func (s *shell) replaceRoot() {
	s.root = certs.Root{Certificate: certstest.SelfSigned(s.t, certs.Organisation)}
}

// file makes a file of roots in the user's home.
func (s *shell) file(name string, certificates ...*x509.Certificate) string {
	path := filepath.Join(s.env.Home, name)
	certstest.Write(s.t, path, 0o644, string(encodeBlocks("CERTIFICATE", certificates...)))
	return path
}

func (s *shell) variables() (map[string]string, []error, error) {
	vars, problems, err := Variables(context.Background(), s.env, s.root, Options{
		Dir: s.dir, Within: s.env.Home, Getenv: func(name string) string { return s.set[name] }})
	got := map[string]string{}
	for _, v := range vars {
		got[v.Name] = v.Value
	}
	return got, problems, err
}

// eval sets the variables as `eval "$(letta-dev env)"` does, and returns what it said.
func (s *shell) eval() string {
	s.t.Helper()
	vars, problems, err := s.variables()
	certstest.Must(s.t, err)
	maps.Copy(s.set, vars)
	return fmt.Sprint(problems)
}

// wantRoots requires that the file of a variable holds these certificates and no others.
func (s *shell) wantRoots(variable string, want ...*x509.Certificate) {
	s.t.Helper()
	data := certstest.Read(s.t, s.set[variable])
	for _, c := range want {
		if n := holds(data, c); n != 1 {
			s.t.Errorf("%s names a file that holds %s %d times", variable, c.Subject, n)
		}
	}
	if n := len(certificateBlocks(data)); n != len(want) {
		s.t.Errorf("%s names a file of %d certificates, want %d", variable, n, len(want))
	}
}

func TestVariablesWithNothingSet(t *testing.T) {
	s := newShell(t)
	if said := s.eval(); said != "[]" {
		t.Error(said)
	}
	s.wantRoots("NODE_EXTRA_CA_CERTS", s.root.Certificate)
	for _, name := range []string{"SSL_CERT_FILE", "CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "GIT_SSL_CAINFO"} {
		s.wantRoots(name, s.system, s.root.Certificate)
	}
	if len(s.set) != 5 {
		t.Errorf("set without need: %v", s.set)
	}
}

// Every program keeps the roots it had: those of its own variable, else of the one that it reads in its place.
func TestVariablesKeepWhatTheyNamed(t *testing.T) {
	s := newShell(t)
	corp := map[string]*x509.Certificate{}
	for _, name := range []string{"NODE_EXTRA_CA_CERTS", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "NIX_SSL_CERT_FILE", "dir", "git"} {
		corp[name] = certstest.SelfSigned(t, name)
		s.set[name] = s.file("corp/"+name+".pem", corp[name])
	}
	s.git = s.set["git"]
	s.set["SSL_CERT_FILE"] = "corp/SSL_CERT_FILE.pem" // from the working folder
	s.file("dir/a.pem", corp["dir"])
	certstest.Write(t, filepath.Join(s.env.Home, "dir/README"), 0o644, "not a certificate")
	certstest.Must(t, os.Symlink("a.pem", filepath.Join(s.env.Home, "dir/12345678.0")))
	s.set["SSL_CERT_DIR"] = filepath.Join(s.env.Home, "dir") + string(filepath.ListSeparator) + "/nowhere"
	var first map[string]string
	for range 2 { // again, from the shell that has them already
		if said := s.eval(); said != "[]" {
			t.Error(said)
		}
		if first == nil {
			first = maps.Clone(s.set)
		}
		if !maps.Equal(first, s.set) {
			t.Errorf("the second time:\n%v\nwant\n%v", s.set, first)
		}
		ours := s.root.Certificate
		s.wantRoots("NODE_EXTRA_CA_CERTS", corp["NODE_EXTRA_CA_CERTS"], ours)
		s.wantRoots("SSL_CERT_FILE", corp["SSL_CERT_FILE"], corp["dir"], ours)
		s.wantRoots("CURL_CA_BUNDLE", corp["SSL_CERT_FILE"], corp["dir"], ours)
		s.wantRoots("REQUESTS_CA_BUNDLE", corp["REQUESTS_CA_BUNDLE"], ours)
		s.wantRoots("NIX_SSL_CERT_FILE", corp["NIX_SSL_CERT_FILE"], ours)
		s.wantRoots("GIT_SSL_CAINFO", s.system, ours) // no git here, so no settings of it
	}
}

func TestVariablesFollowTheSettingsOfGit(t *testing.T) {
	s := newShell(t, "git")
	corp := certstest.SelfSigned(t, "corp")
	s.git = s.file("corp.pem", corp)
	for range 2 {
		s.eval()
		s.wantRoots("GIT_SSL_CAINFO", corp, s.root.Certificate)
		s.git = "" // the variable hides the setting, and remembers it
	}
}

// requests falls back on CURL_CA_BUNDLE, and on nothing else.
func TestVariablesOfRequests(t *testing.T) {
	s := newShell(t)
	corp := certstest.SelfSigned(t, "corp")
	s.set["CURL_CA_BUNDLE"] = s.file("corp.pem", corp)
	s.set["SSL_CERT_FILE"] = s.file("other.pem", certstest.SelfSigned(t, "other"))
	s.eval()
	s.wantRoots("REQUESTS_CA_BUNDLE", corp, s.root.Certificate)
}

// A shell that has our variables gets what its files would be if they were made for the first time.
func TestVariablesAreMadeAnew(t *testing.T) {
	s := newShell(t)
	s.eval()
	before := maps.Clone(s.set)
	old := s.root.Certificate
	s.replaceRoot()
	another := certstest.SelfSigned(t, "another public one")
	certstest.Write(t, s.env.InRoot("/etc/ssl/certs/ca-certificates.crt"), 0o644, certstest.PEM(another.Raw, old.Raw))
	s.eval()
	s.wantRoots("SSL_CERT_FILE", another, s.root.Certificate)
	s.wantRoots("NODE_EXTRA_CA_CERTS", s.root.Certificate)
	if !maps.Equal(before, s.set) {
		t.Errorf("the paths have changed:\n%v\n%v", before, s.set)
	}

	certstest.Must(t, os.RemoveAll(s.dir)) // they come back
	s.eval()
	s.wantRoots("SSL_CERT_FILE", another, s.root.Certificate)
	s.wantRoots("NODE_EXTRA_CA_CERTS", s.root.Certificate)

	s.dir = filepath.Join(s.env.Home, "elsewhere") // as for another user's shell, or another XDG_DATA_HOME
	s.eval()
	s.wantRoots("SSL_CERT_FILE", another, s.root.Certificate)
}

func TestVariablesAreWrittenOnceAndForAll(t *testing.T) {
	s := newShell(t, "wget", "java")
	s.eval()
	first := modified(t, s.dir)
	s.eval()
	if again := modified(t, s.dir); len(first) != 5 || !maps.Equal(first, again) {
		t.Errorf("written again without need:\n%v\n%v", first, again)
	}
	certstest.Must(t, os.Chmod(s.set["SSL_CERT_FILE"], 0o666))
	certstest.Write(t, filepath.Join(s.dir, ".letta-dev-new-123/new"), 0o600, "what a writer that died left behind")
	s.eval()
	if mode := modified(t, s.dir)[filepath.Base(s.set["SSL_CERT_FILE"])]; !strings.HasPrefix(mode, "-rw-r--r--") {
		t.Errorf("a file that all may change stays so: %s", mode)
	}
	if host.Exists(filepath.Join(s.dir, ".letta-dev-new-123")) {
		t.Error("what a writer that died left behind is still there")
	}
}

func modified(t *testing.T, dir string) map[string]string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	certstest.Must(t, err)
	all := map[string]string{}
	for _, entry := range entries {
		info, err := entry.Info()
		certstest.Must(t, err)
		all[entry.Name()] = fmt.Sprint(info.Mode(), info.ModTime())
	}
	return all
}

// What cannot be combined is left alone, and said; the others are set all the same.
func TestVariablesThatCannotBeCombined(t *testing.T) {
	for name, c := range map[string]struct {
		make func(path string) error
		says string
	}{
		"absent": {func(string) error { return nil }, "no such file"},
		"no PEM": {func(p string) error { return os.WriteFile(p, []byte("hello"), 0o644) }, "holds no certificate in PEM"},
		"empty":  {func(p string) error { return os.WriteFile(p, nil, 0o644) }, "holds no certificate in PEM"},
		"key": {func(p string) error {
			return os.WriteFile(p, encodeBlocks("PRIVATE KEY", certstest.SelfSigned(t, "k")), 0o600)
		}, "holds no"},
		"folder":    {func(p string) error { return os.Mkdir(p, 0o755) }, "holds no certificate in PEM"},
		"huge":      {func(p string) error { return errors.Join(os.WriteFile(p, nil, 0o644), os.Truncate(p, 1<<40)) }, "larger than 16384 KiB"},
		"pipe":      {func(p string) error { return syscall.Mkfifo(p, 0o600) }, "it is a pipe or a device"},
		"device":    {func(p string) error { return os.Symlink("/dev/zero", p) }, "it is a pipe or a device"},
		"link loop": {func(p string) error { return os.Symlink(p, p) }, "too many"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newShell(t)
			path := filepath.Join(s.env.Home, "bad.pem")
			certstest.Must(t, c.make(path))
			s.set["SSL_CERT_FILE"] = path
			said := s.eval()
			if !strings.Contains(said, "SSL_CERT_FILE, CURL_CA_BUNDLE stay as they are") || !strings.Contains(said, c.says) {
				t.Errorf("said %q, want %q", said, c.says)
			}
			if s.set["SSL_CERT_FILE"] != path || s.set["CURL_CA_BUNDLE"] != "" {
				t.Errorf("set to %v", s.set)
			}
			s.wantRoots("REQUESTS_CA_BUNDLE", s.system, s.root.Certificate)
			_, problems, err := s.variables()
			certstest.Must(t, err)
			certstest.WantHint(t, problems[0], c.says, "unset SSL_CERT_FILE")
		})
	}
}

// A folder of roots is what requests takes too.
func TestVariablesThatNameAFolder(t *testing.T) {
	s := newShell(t)
	corp := certstest.SelfSigned(t, "corp")
	s.set["REQUESTS_CA_BUNDLE"] = filepath.Dir(s.file("folder/corp.pem", corp))
	s.eval()
	s.wantRoots("REQUESTS_CA_BUNDLE", corp, s.root.Certificate)
}

func TestVariablesWithoutRootsOfTheSystem(t *testing.T) {
	s := newShell(t)
	certstest.Must(t, os.Remove(s.env.InRoot("/etc/ssl/certs/ca-certificates.crt")))
	if said := s.eval(); !strings.Contains(said, "SSL_CERT_FILE, CURL_CA_BUNDLE, REQUESTS_CA_BUNDLE, GIT_SSL_CAINFO stay as they are") {
		t.Error(said)
	}
	s.wantRoots("NODE_EXTRA_CA_CERTS", s.root.Certificate)
}

func TestVariablesInAFolderThatCannotBe(t *testing.T) {
	s := newShell(t)
	certstest.Write(t, s.dir, 0o644, "a file in the way")
	_, _, err := s.variables()
	certstest.WantHint(t, err, "write the combined roots", "ls -ld")
}

func TestVariablesAtOnce(t *testing.T) {
	s := newShell(t, "wget", "java")
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			vars, _, err := s.variables()
			if err != nil || holds(certstest.Read(t, vars["SSL_CERT_FILE"]), s.root.Certificate) != 1 {
				t.Errorf("%v, %v", vars, err)
			}
		})
	}
	all.Wait()
}

func TestWgetSettings(t *testing.T) {
	s := newShell(t, "wget")
	corp := certstest.SelfSigned(t, "corp")
	s.file("corp.pem", corp)
	certstest.Write(t, s.env.InHome(".wgetrc"), 0o600, "password = secret\nCA-Certificate=~/corp.pem\nuser = me")
	for range 2 {
		s.eval()
		got := string(certstest.Read(t, s.set["WGETRC"]))
		_, settings, _ := strings.Cut(got, "\n")
		bundle, _ := strings.CutPrefix(settings, "password = secret\nuser = me\nca_certificate = ")
		data := certstest.Read(t, strings.TrimSpace(bundle))
		if holds(data, corp) != 1 || holds(data, s.root.Certificate) != 1 || holds(data, s.system) != 0 {
			t.Errorf("settings:\n%s\nroots:\n%s", got, data)
		}
	}
	info, err := os.Stat(s.set["WGETRC"])
	certstest.Must(t, err)
	if info.Mode().Perm() != 0o600 {
		t.Errorf("settings that hold a password have mode %v", info.Mode())
	}
	certstest.Write(t, s.env.InHome(".wgetrc"), 0o600, "user = another\n")
	certstest.Write(t, s.env.InRoot("/etc/wgetrc"), 0o644, "# all users'\nca_certificate = "+s.env.InHome("corp.pem")+"\n")
	s.eval()
	if got := string(certstest.Read(t, s.set["WGETRC"])); !strings.Contains(got, "user = another\n") || strings.Contains(got, "secret") || !strings.Contains(got, bundleOf(s, "corp.pem")) {
		t.Errorf("after a change of the user's settings:\n%s", got)
	}
}

func bundleOf(s *shell, file string) string {
	return bundleSource{s.env.InHome(file)}.name("roots-", ".pem")
}

func TestTrustStoreOfJava(t *testing.T) {
	s := newShell(t, "java")
	s.dir = filepath.Join(s.env.Home, `a "quoted" folder`)
	s.set["JDK_JAVA_OPTIONS"] = "-Xmx1g"
	s.eval()
	option, ok := strings.CutPrefix(s.set["JDK_JAVA_OPTIONS"], `-Xmx1g "-Djavax.net.ssl.trustStore=`)
	if !ok {
		t.Fatal(s.set["JDK_JAVA_OPTIONS"])
	}
	path := strings.TrimSuffix(strings.ReplaceAll(option, `"'"'"`, `"`), `"`)
	inIt, err := pkcs12.DecodeTrustStore(certstest.Read(t, path), "")
	certstest.Must(t, err)
	if len(inIt) != 2 || !bytes.Equal(inIt[0].Raw, s.java.Raw) || !bytes.Equal(inIt[1].Raw, s.root.Certificate.Raw) {
		t.Errorf("the trust store holds %d certificates", len(inIt))
	}
	before := s.set["JDK_JAVA_OPTIONS"]
	if said := s.eval(); said != "[]" || s.set["JDK_JAVA_OPTIONS"] != before {
		t.Errorf("the second time %q, %s", s.set["JDK_JAVA_OPTIONS"], said)
	}
	for _, name := range []string{"JDK_JAVA_OPTIONS", "JAVA_TOOL_OPTIONS"} {
		s.set = map[string]string{name: "-Djavax.net.ssl.trustStore=/mine"}
		if said := s.eval(); !strings.Contains(said, "JDK_JAVA_OPTIONS stays as it is") || s.set[name] != "-Djavax.net.ssl.trustStore=/mine" {
			t.Errorf("a trust store of the user's: %s, %v", said, s.set)
		}
	}
}

// Java keeps one certificate to a name, and needs no password here.
func TestTrustStoreAsJavaReadsIt(t *testing.T) {
	keytool, err := exec.LookPath("keytool")
	if err != nil {
		t.Skip("NOT TESTED: that Java reads a trust store of ours. There is no keytool")
	}
	one, two := certstest.SelfSigned(t, "one"), certstest.SelfSigned(t, "one")
	store, err := encodeTrustStore(encodeBlocks("CERTIFICATE", one, two))
	certstest.Must(t, err)
	path := filepath.Join(t.TempDir(), "store.p12")
	certstest.Write(t, path, 0o600, string(store))
	cmd := exec.CommandContext(t.Context(), keytool, "-J-Duser.language=en", "-list", "-keystore", path)
	out, err := cmd.Output()
	if err != nil || !strings.Contains(string(out), "contains 2 entries") {
		t.Errorf("%v:\n%s", err, out)
	}
}

// A shell that still has the variables after an uninstall: its programs accept what they did without us.
func TestWithdraw(t *testing.T) {
	s := newShell(t, "java", "wget")
	certstest.Must(t, Withdraw(s.dir, nil)) // there is nothing yet
	s.set["CURL_CA_BUNDLE"] = s.file("corp.pem", certstest.SelfSigned(t, "corp"))
	certstest.Write(t, s.env.InHome(".wgetrc"), 0o600, "password = secret\n")
	s.eval()
	certstest.Write(t, filepath.Join(s.dir, "wgetrc-mine"), 0o600, "password = secret\n")
	certstest.Write(t, filepath.Join(s.dir, "notes.txt"), 0o644, "a person's own\n")
	certstest.Write(t, filepath.Join(s.dir, "roots-mine.pem"), 0o644, "and this\n")
	for range 2 {
		certstest.Must(t, Withdraw(s.dir, nil))
		for name, want := range map[string]int{"CURL_CA_BUNDLE": 0, "SSL_CERT_FILE": 1, "NODE_EXTRA_CA_CERTS": 0} {
			data := certstest.Read(t, s.set[name])
			if _, ok := recordedSource(data); !ok || holds(data, s.root.Certificate) != 0 || holds(data, s.system) != want {
				t.Errorf("%s:\n%s", name, data)
			}
		}
		s.wantJava(s.java)
		first, left, _ := strings.Cut(string(certstest.Read(t, s.set["WGETRC"])), "\n")
		if left != "ca_certificate = "+s.set["SSL_CERT_FILE"]+"\n" || !strings.HasPrefix(first, sourceMark) {
			t.Errorf("left of wget's settings:\n%s", left)
		}
	}
	if !host.Exists(filepath.Join(s.dir, "notes.txt")) || string(certstest.Read(t, filepath.Join(s.dir, "roots-mine.pem"))) != "and this\n" ||
		string(certstest.Read(t, filepath.Join(s.dir, "wgetrc-mine"))) != "password = secret\n" {
		t.Error("what is not ours is gone")
	}
	s.eval()
	if data := certstest.Read(t, s.set["CURL_CA_BUNDLE"]); holds(data, s.root.Certificate) != 1 || len(certificateBlocks(data)) != 2 {
		t.Errorf("taken up again:\n%s", data)
	}
}

// mkcert's root goes too, unless the files that ours are made from have it.
func TestWithdrawOfMkcertsRoot(t *testing.T) {
	s := newShell(t)
	s.root = openTest(t, certs.Options{CAROOT: certstest.FakeCAROOT(t)}).Root()
	s.set["CURL_CA_BUNDLE"] = s.file("corp.pem", s.root.Certificate)
	s.eval()
	for _, name := range []string{"CURL_CA_BUNDLE", "SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS"} {
		if holds(certstest.Read(t, s.set[name]), s.root.Certificate) != 1 {
			t.Errorf("%s lacks it", name)
		}
	}
	certstest.Must(t, Withdraw(s.dir, nil))
	for name, want := range map[string]int{"CURL_CA_BUNDLE": 1, "SSL_CERT_FILE": 0, "NODE_EXTRA_CA_CERTS": 0} {
		if data := certstest.Read(t, s.set[name]); holds(data, s.root.Certificate) != want {
			t.Errorf("%s:\n%s", name, data)
		}
	}
}

func TestWithdrawSaysWhatItCouldNot(t *testing.T) {
	dir := t.TempDir()
	certstest.Must(t, os.Mkdir(filepath.Join(dir, "roots-folder.pem"), 0o700)) // nothing of ours
	certstest.Must(t, os.Symlink("elsewhere", filepath.Join(dir, "roots-link.pem")))
	certstest.Must(t, Withdraw(dir, nil))
	certstest.Must(t, Withdraw(filepath.Join(dir, "roots-link.pem"), nil))
	certstest.Write(t, filepath.Join(dir, "roots-huge.pem"), 0o600, "")
	certstest.Must(t, os.Truncate(filepath.Join(dir, "roots-huge.pem"), 1<<30))
	err := Withdraw(dir, nil)
	var failed *host.Error
	if !errors.As(err, &failed) || failed.Hint() != "rm -r "+host.Quote(dir) {
		t.Errorf("error %v", err)
	}
}
