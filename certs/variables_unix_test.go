//go:build unix

package certs

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
)

// shell is a user's shell: what it has set, and the machine it runs on.
type shell struct {
	t      *testing.T
	env    Env
	git    string // http.sslCAInfo in git's configuration
	root   Root
	dir    string
	set    map[string]string
	system *x509.Certificate // the one public root of this machine
	java   *x509.Certificate // and that of its one JVM
}

func newShell(t *testing.T, installed ...string) *shell {
	t.Helper()
	s := &shell{t: t, set: map[string]string{}, system: selfSigned(t, "public"), java: selfSigned(t, "Java's own")}
	s.env = fakeEnv(t, "linux", &recorder{reply: func(c Command) ([]byte, error) {
		if s.git == "" {
			return nil, &CommandError{Command: c, Err: os.ErrNotExist}
		}
		return []byte(s.git + "\n"), nil
	}}, installed...)
	s.dir = filepath.Join(s.env.Home, "bundles")
	look := s.env.LookPath
	s.env.LookPath = func(name string) (string, error) { // what this machine has in /usr/bin does not matter
		path, err := look(name)
		return s.env.path(path), err
	}
	s.newJVM("one", s.java)
	write(t, s.env.path("/etc/ssl/certs/ca-certificates.crt"), 0o644, string(encodeCertificates(s.system.Raw)))
	s.replaceRoot()
	return s
}

// newJVM makes the folder of a JVM that trusts some roots.
func (s *shell) newJVM(name string, roots ...*x509.Certificate) string {
	home := s.env.path("/usr/lib/jvm", name)
	store, err := encodeTrustStore(encodeBlocks("CERTIFICATE", roots...))
	must(s.t, err)
	write(s.t, filepath.Join(home, "lib/security/cacerts"), 0o644, string(store))
	return home
}

// wantJava requires that java is led to a trust store with these roots and no others.
func (s *shell) wantJava(want ...*x509.Certificate) {
	s.t.Helper()
	store := strings.TrimPrefix(s.set["JDK_JAVA_OPTIONS"], trustStoreOption)
	got, err := pkcs12.DecodeTrustStore(read(s.t, store), "")
	if err != nil || !slices.EqualFunc(got, want, (*x509.Certificate).Equal) {
		s.t.Errorf("java is led to %d roots, want %d; %v", len(got), len(want), err)
	}
}

func (s *shell) replaceRoot() {
	s.root = Root{Certificate: selfSigned(s.t, organisation)}
}

// file makes a file of roots in the user's home.
func (s *shell) file(name string, certificates ...*x509.Certificate) string {
	path := filepath.Join(s.env.Home, name)
	write(s.t, path, 0o644, string(encodeBlocks("CERTIFICATE", certificates...)))
	return path
}

func (s *shell) variables() (map[string]string, []error, error) {
	vars, problems, err := Variables(context.Background(), s.env, s.root, VariableOptions{
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
	must(s.t, err)
	maps.Copy(s.set, vars)
	return fmt.Sprint(problems)
}

// wantRoots requires that the file of a variable holds these certificates and no others.
func (s *shell) wantRoots(variable string, want ...*x509.Certificate) {
	s.t.Helper()
	data := read(s.t, s.set[variable])
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
		corp[name] = selfSigned(t, name)
		s.set[name] = s.file("corp/"+name+".pem", corp[name])
	}
	s.git = s.set["git"]
	s.set["SSL_CERT_FILE"] = "corp/SSL_CERT_FILE.pem" // from the working folder
	s.file("dir/a.pem", corp["dir"])
	write(t, filepath.Join(s.env.Home, "dir/README"), 0o644, "not a certificate")
	must(t, os.Symlink("a.pem", filepath.Join(s.env.Home, "dir/12345678.0")))
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
	corp := selfSigned(t, "corp")
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
	corp := selfSigned(t, "corp")
	s.set["CURL_CA_BUNDLE"] = s.file("corp.pem", corp)
	s.set["SSL_CERT_FILE"] = s.file("other.pem", selfSigned(t, "other"))
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
	another := selfSigned(t, "another public one")
	write(t, s.env.path("/etc/ssl/certs/ca-certificates.crt"), 0o644, string(encodeCertificates(another.Raw, old.Raw)))
	s.eval()
	s.wantRoots("SSL_CERT_FILE", another, s.root.Certificate)
	s.wantRoots("NODE_EXTRA_CA_CERTS", s.root.Certificate)
	if !maps.Equal(before, s.set) {
		t.Errorf("the paths have changed:\n%v\n%v", before, s.set)
	}

	must(t, os.RemoveAll(s.dir)) // they come back
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
	must(t, os.Chmod(s.set["SSL_CERT_FILE"], 0o666))
	write(t, filepath.Join(s.dir, ".letta-dev-new-123/new"), 0o600, "what a writer that died left behind")
	s.eval()
	if mode := modified(t, s.dir)[filepath.Base(s.set["SSL_CERT_FILE"])]; !strings.HasPrefix(mode, "-rw-r--r--") {
		t.Errorf("a file that all may change stays so: %s", mode)
	}
	if exists(filepath.Join(s.dir, ".letta-dev-new-123")) {
		t.Error("what a writer that died left behind is still there")
	}
}

func modified(t *testing.T, dir string) map[string]string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	must(t, err)
	all := map[string]string{}
	for _, entry := range entries {
		info, err := entry.Info()
		must(t, err)
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
		"absent":    {func(string) error { return nil }, "no such file"},
		"no PEM":    {func(p string) error { return os.WriteFile(p, []byte("hello"), 0o644) }, "holds no certificate in PEM"},
		"empty":     {func(p string) error { return os.WriteFile(p, nil, 0o644) }, "holds no certificate in PEM"},
		"key":       {func(p string) error { return os.WriteFile(p, encodeBlocks("PRIVATE KEY", selfSigned(t, "k")), 0o600) }, "holds no"},
		"folder":    {func(p string) error { return os.Mkdir(p, 0o755) }, "holds no certificate in PEM"},
		"huge":      {func(p string) error { return errors.Join(os.WriteFile(p, nil, 0o644), os.Truncate(p, 1<<40)) }, "larger than 16384 KiB"},
		"pipe":      {func(p string) error { return syscall.Mkfifo(p, 0o600) }, "it is a pipe or a device"},
		"device":    {func(p string) error { return os.Symlink("/dev/zero", p) }, "it is a pipe or a device"},
		"link loop": {func(p string) error { return os.Symlink(p, p) }, "too many"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newShell(t)
			path := filepath.Join(s.env.Home, "bad.pem")
			must(t, c.make(path))
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
			must(t, err)
			wantHint(t, problems[0], c.says, "unset SSL_CERT_FILE")
		})
	}
}

// A folder of roots is what requests takes too.
func TestVariablesThatNameAFolder(t *testing.T) {
	s := newShell(t)
	corp := selfSigned(t, "corp")
	s.set["REQUESTS_CA_BUNDLE"] = filepath.Dir(s.file("folder/corp.pem", corp))
	s.eval()
	s.wantRoots("REQUESTS_CA_BUNDLE", corp, s.root.Certificate)
}

func TestVariablesWithoutRootsOfTheSystem(t *testing.T) {
	s := newShell(t)
	must(t, os.Remove(s.env.path("/etc/ssl/certs/ca-certificates.crt")))
	if said := s.eval(); !strings.Contains(said, "SSL_CERT_FILE, CURL_CA_BUNDLE, REQUESTS_CA_BUNDLE, GIT_SSL_CAINFO stay as they are") {
		t.Error(said)
	}
	s.wantRoots("NODE_EXTRA_CA_CERTS", s.root.Certificate)
}

func TestVariablesInAFolderThatCannotBe(t *testing.T) {
	s := newShell(t)
	write(t, s.dir, 0o644, "a file in the way")
	_, _, err := s.variables()
	wantHint(t, err, "write the combined roots", "ls -ld")
}

func TestVariablesAtOnce(t *testing.T) {
	s := newShell(t, "wget", "java")
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			vars, _, err := s.variables()
			if err != nil || holds(read(t, vars["SSL_CERT_FILE"]), s.root.Certificate) != 1 {
				t.Errorf("%v, %v", vars, err)
			}
		})
	}
	all.Wait()
}

func TestWgetSettings(t *testing.T) {
	s := newShell(t, "wget")
	corp := selfSigned(t, "corp")
	s.file("corp.pem", corp)
	write(t, s.env.home(".wgetrc"), 0o600, "password = secret\nCA-Certificate=~/corp.pem\nuser = me")
	for range 2 {
		s.eval()
		got := string(read(t, s.set["WGETRC"]))
		_, settings, _ := strings.Cut(got, "\n")
		bundle, _ := strings.CutPrefix(settings, "password = secret\nuser = me\nca_certificate = ")
		data := read(t, strings.TrimSpace(bundle))
		if holds(data, corp) != 1 || holds(data, s.root.Certificate) != 1 || holds(data, s.system) != 0 {
			t.Errorf("settings:\n%s\nroots:\n%s", got, data)
		}
	}
	info, err := os.Stat(s.set["WGETRC"])
	must(t, err)
	if info.Mode().Perm() != 0o600 {
		t.Errorf("settings that hold a password have mode %v", info.Mode())
	}
	write(t, s.env.home(".wgetrc"), 0o600, "user = another\n")
	write(t, s.env.path("/etc/wgetrc"), 0o644, "# all users'\nca_certificate = "+s.env.home("corp.pem")+"\n")
	s.eval()
	if got := string(read(t, s.set["WGETRC"])); !strings.Contains(got, "user = another\n") || strings.Contains(got, "secret") || !strings.Contains(got, bundleOf(s, "corp.pem")) {
		t.Errorf("after a change of the user's settings:\n%s", got)
	}
}

func bundleOf(s *shell, file string) string {
	return origin{s.env.home(file)}.name("roots-", ".pem")
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
	inIt, err := pkcs12.DecodeTrustStore(read(t, path), "")
	must(t, err)
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
	one, two := selfSigned(t, "one"), selfSigned(t, "one")
	store, err := encodeTrustStore(encodeBlocks("CERTIFICATE", one, two))
	must(t, err)
	path := filepath.Join(t.TempDir(), "store.p12")
	write(t, path, 0o600, string(store))
	cmd := exec.CommandContext(t.Context(), keytool, "-J-Duser.language=en", "-list", "-keystore", path)
	out, err := cmd.Output()
	if err != nil || !strings.Contains(string(out), "contains 2 entries") {
		t.Errorf("%v:\n%s", err, out)
	}
}

// A shell that still has the variables after an uninstall: its programs accept what they did without us.
func TestWithdraw(t *testing.T) {
	s := newShell(t, "java", "wget")
	must(t, Withdraw(s.dir, nil)) // there is nothing yet
	s.set["CURL_CA_BUNDLE"] = s.file("corp.pem", selfSigned(t, "corp"))
	write(t, s.env.home(".wgetrc"), 0o600, "password = secret\n")
	s.eval()
	write(t, filepath.Join(s.dir, "wgetrc-mine"), 0o600, "password = secret\n")
	write(t, filepath.Join(s.dir, "notes.txt"), 0o644, "a person's own\n")
	write(t, filepath.Join(s.dir, "roots-mine.pem"), 0o644, "and this\n")
	for range 2 {
		must(t, Withdraw(s.dir, nil))
		for name, want := range map[string]int{"CURL_CA_BUNDLE": 0, "SSL_CERT_FILE": 1, "NODE_EXTRA_CA_CERTS": 0} {
			data := read(t, s.set[name])
			if _, ok := recordedOrigin(data); !ok || holds(data, s.root.Certificate) != 0 || holds(data, s.system) != want {
				t.Errorf("%s:\n%s", name, data)
			}
		}
		s.wantJava(s.java)
		first, left, _ := strings.Cut(string(read(t, s.set["WGETRC"])), "\n")
		if left != "ca_certificate = "+s.set["SSL_CERT_FILE"]+"\n" || !strings.HasPrefix(first, originMark) {
			t.Errorf("left of wget's settings:\n%s", left)
		}
	}
	if !exists(filepath.Join(s.dir, "notes.txt")) || string(read(t, filepath.Join(s.dir, "roots-mine.pem"))) != "and this\n" ||
		string(read(t, filepath.Join(s.dir, "wgetrc-mine"))) != "password = secret\n" {
		t.Error("what is not ours is gone")
	}
	s.eval()
	if data := read(t, s.set["CURL_CA_BUNDLE"]); holds(data, s.root.Certificate) != 1 || len(certificateBlocks(data)) != 2 {
		t.Errorf("taken up again:\n%s", data)
	}
}

// mkcert's root goes too, unless the files that ours are made from have it.
func TestWithdrawOfMkcertsRoot(t *testing.T) {
	s := newShell(t)
	s.root = openTest(t, Options{CAROOT: fakeCaroot(t)}).Root()
	s.set["CURL_CA_BUNDLE"] = s.file("corp.pem", s.root.Certificate)
	s.eval()
	for _, name := range []string{"CURL_CA_BUNDLE", "SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS"} {
		if holds(read(t, s.set[name]), s.root.Certificate) != 1 {
			t.Errorf("%s lacks it", name)
		}
	}
	must(t, Withdraw(s.dir, nil))
	for name, want := range map[string]int{"CURL_CA_BUNDLE": 1, "SSL_CERT_FILE": 0, "NODE_EXTRA_CA_CERTS": 0} {
		if data := read(t, s.set[name]); holds(data, s.root.Certificate) != want {
			t.Errorf("%s:\n%s", name, data)
		}
	}
}

func TestWithdrawSaysWhatItCouldNot(t *testing.T) {
	dir := t.TempDir()
	must(t, os.Mkdir(filepath.Join(dir, "roots-folder.pem"), 0o700)) // nothing of ours
	must(t, os.Symlink("elsewhere", filepath.Join(dir, "roots-link.pem")))
	must(t, Withdraw(dir, nil))
	must(t, Withdraw(filepath.Join(dir, "roots-link.pem"), nil))
	write(t, filepath.Join(dir, "roots-huge.pem"), 0o600, "")
	must(t, os.Truncate(filepath.Join(dir, "roots-huge.pem"), 1<<30))
	err := Withdraw(dir, nil)
	var failed *Error
	if !errors.As(err, &failed) || failed.Hint() != "rm -r "+quote(dir) {
		t.Errorf("error %v", err)
	}
}
