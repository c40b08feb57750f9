package certs

import (
	"crypto/x509"
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestAuthorityIsConstrained(t *testing.T) {
	c := newClock()
	a := openTest(t, Options{Now: c.Now, Holder: "ada@example"})
	for name, certificate := range map[string]*x509.Certificate{"root": a.root, "intermediate": a.issuer} {
		if err := checkConstraints(certificate); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if want := c.Now().AddDate(10, 0, 0); !certificate.NotAfter.Equal(want) {
			t.Errorf("%s ends %s, want %s", name, certificate.NotAfter, want)
		}
		if want := []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}; !slices.Equal(certificate.ExtKeyUsage, want) {
			t.Errorf("%s is for %v, want TLS servers and clients alone", name, certificate.ExtKeyUsage)
		}
		if !strings.Contains(certificate.Subject.CommonName, "ada@example 2026-11-23 ") {
			t.Errorf("%s is called %q", name, certificate.Subject.CommonName)
		}
	}
	if !a.issuer.MaxPathLenZero || a.issuer.MaxPathLen != 0 {
		t.Error("the intermediate may sign further authorities")
	}
	other := openTest(t, Options{Now: c.Now, Holder: "ada@example"})
	if other.root.Subject.String() == a.root.Subject.String() {
		t.Error("two authorities have one name: NSS would mix them up")
	}
}

func TestAuthorityFiles(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "made", "on the way", "ca")
	a, created, err := Open(dir, Options{})
	if err != nil || !created {
		t.Fatalf("Open = %v, %v", created, err)
	}
	want := map[string]fs.FileMode{".": 0o700, rootFile: 0o644, intermediateFile: 0o644, intermediateKeyFile: 0o600}
	for name, mode := range want {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if runtime.GOOS != "windows" && info.Mode().Perm() != mode {
			t.Errorf("%s has mode %04o, want %04o", name, info.Mode().Perm(), mode)
		}
	}
	if entries, _ := os.ReadDir(dir); len(entries) != len(want)-1 {
		t.Errorf("the folder holds %v", entries)
	}
	if key := read(t, filepath.Join(dir, intermediateKeyFile)); strings.Count(string(key), "BEGIN") != 1 {
		t.Error("more than the intermediate's key is on disk")
	}
	again, created, err := Open(dir, Options{})
	if err != nil || created {
		t.Fatalf("Open again = created %v, %v", created, err)
	}
	if again.Root().Fingerprint() != a.Root().Fingerprint() || len(a.Root().Fingerprint()) != 64 {
		t.Errorf("fingerprints %q and %q", a.Root().Fingerprint(), again.Root().Fingerprint())
	}
	if verify(issueTest(t, again, "letta.localhost"), a.root, "letta.localhost", time.Now()) != nil {
		t.Error("a leaf of the loaded authority does not verify")
	}
}

// Each damage is done to a good authority and must be told with the file's path and what to type.
func TestLoadTellsWhatIsWrong(t *testing.T) {
	for name, tc := range map[string]struct {
		damage     func(t *testing.T, dir string)
		says, hint string
	}{
		"broken root":           {func(t *testing.T, dir string) { write(t, dir+"/rootCA.pem", 0o644, "hello") }, "rootCA.pem", "certs install"},
		"cut root":              {func(t *testing.T, dir string) { cut(t, dir+"/rootCA.pem") }, "rootCA.pem", "certs install"},
		"words after the root":  {func(t *testing.T, dir string) { appendTo(t, dir+"/rootCA.pem", "and more") }, "not one certificate", "certs install"},
		"words before the root": {func(t *testing.T, dir string) { prependTo(t, dir+"/rootCA.pem", "Bag Attributes\n") }, "not one certificate", "certs install"},
		"words after the key":   {func(t *testing.T, dir string) { appendTo(t, dir+"/intermediate-key.pem", "\n") }, "not one private key", "certs install"},
		"a second key":          {func(t *testing.T, dir string) { double(t, dir+"/intermediate-key.pem") }, "not one private key", "certs install"},
		"a linked root":         {func(t *testing.T, dir string) { linked(t, dir+"/rootCA.pem") }, "symbolic link", "certs install"},
		"a linked key":          {func(t *testing.T, dir string) { linked(t, dir+"/intermediate-key.pem") }, "symbolic link", "certs install"},
		"a folder for a root": {func(t *testing.T, dir string) {
			remove(t, dir+"/rootCA.pem")
			write(t, dir+"/rootCA.pem/x", 0o600, "")
		}, "a folder", "certs install"},
		"a huge root":            {func(t *testing.T, dir string) { must(t, os.Truncate(dir+"/rootCA.pem", 1<<40)) }, "a file of 1099511627776 bytes", "certs install"},
		"an open folder":         {func(t *testing.T, dir string) { chmod(t, dir, 0o770) }, "0770", "chmod 700 "},
		"a reference to nowhere": {func(t *testing.T, dir string) { write(t, dir+"/caroot", 0o644, "relative\n") }, "not the path", "certs install"},
		"bundle":                 {func(t *testing.T, dir string) { double(t, dir+"/rootCA.pem") }, "not one certificate", "certs install"},
		"missing root":           {func(t *testing.T, dir string) { remove(t, dir+"/rootCA.pem") }, "missing", "certs install"},
		"missing key":            {func(t *testing.T, dir string) { remove(t, dir+"/intermediate-key.pem") }, "intermediate-key.pem", "certs install"},
		"broken key":             {func(t *testing.T, dir string) { cut(t, dir+"/intermediate-key.pem") }, "PEM", "certs install"},
		"other key":              {otherKey, "not the key", "certs install"},
		"open key": {func(t *testing.T, dir string) { chmod(t, dir+"/intermediate-key.pem", 0o640) },
			"0640", "chmod 600 "},
		"other root":                  {otherRoot, "not signed by the root", "certs install"},
		"no constraints on names":     {unconstrained(func(c *x509.Certificate) { c.PermittedDNSDomains = nil }), "any site", "certs install"},
		"no constraints on addresses": {unconstrained(func(c *x509.Certificate) { c.PermittedIPRanges = nil }), "any site", "certs install"},
		"wider constraints":           {unconstrained(func(c *x509.Certificate) { c.PermittedDNSDomains[0] = "com" }), "any site", "certs install"},
		"constraints one may ignore":  {unconstrained(func(c *x509.Certificate) { c.PermittedDNSDomainsCritical = false }), "any site", "certs install"},
	} {
		t.Run(name, func(t *testing.T) {
			if (name == "open key" || name == "an open folder") && runtime.GOOS == "windows" {
				t.Skip("modes are not Windows's way")
			}
			a := openTest(t, Options{})
			secret := read(t, a.Dir()+"/intermediate-key.pem")
			tc.damage(t, a.Dir())
			_, created, err := Open(a.Dir(), Options{})
			if err == nil || created {
				t.Fatalf("Open = created %v, %v", created, err)
			}
			if errors.Is(err, fs.ErrNotExist) {
				t.Errorf("%v passes for an absent authority", err)
			}
			wantHint(t, err, tc.says, tc.hint)
			for _, line := range strings.Split(strings.TrimSpace(string(secret)), "\n") {
				if strings.Contains(err.Error(), line) {
					t.Errorf("the error shows the key: %v", err)
				}
			}
		})
	}
}

// A link in the place of the folder leads to somebody's files: nothing is made, changed or removed through it.
func TestFolderIsNoLink(t *testing.T) {
	target, parent := openTest(t, Options{}), t.TempDir()
	before := content(t, target.Dir())
	for name, obstruct := range map[string]func(dir string) error{
		"link to an authority": func(dir string) error { return os.Symlink(target.Dir(), dir) },
		"link to nothing":      func(dir string) error { return os.Symlink("nowhere", dir) },
		"link to emptiness":    func(dir string) error { return os.Symlink(t.TempDir(), dir) },
		"file":                 func(dir string) error { return os.WriteFile(dir, []byte("mine"), 0o600) },
	} {
		dir := filepath.Join(parent, name)
		must(t, obstruct(dir))
		info, err := os.Lstat(dir)
		must(t, err)
		_, err = Load(dir, Options{})
		wantHint(t, err, "where its folder has to be", "mv ")
		_, _, err = Open(dir, Options{})
		wantHint(t, err, "where its folder has to be", "mv ")
		wantHint(t, Remove(dir), "where its folder has to be", "mv ")
		if now, err := os.Lstat(dir); err != nil || !sameStamp(info, now) {
			t.Errorf("%s: it is not what it was", name)
		}
	}
	if !maps.Equal(before, content(t, target.Dir())) {
		t.Error("the authority behind the link has changed")
	}
}

// Nor do leaves go where a link leads.
func TestLeavesFolderIsNoLink(t *testing.T) {
	c := newClock()
	a, elsewhere := openTest(t, Options{Now: c.Now}), t.TempDir()
	must(t, os.Symlink(elsewhere, filepath.Join(a.Dir(), leavesFolder)))
	seen := &renewals{}
	_, err := NewKeeper(a, KeeperOptions{Renewed: seen.add})
	must(t, err)
	for _, r := range seen.take() {
		if r.Err == nil || !strings.Contains(r.Err.Error(), "symbolic link") {
			t.Errorf("kept with %v", r.Err)
		}
	}
	if left := names(t, elsewhere); len(left) != 0 {
		t.Errorf("written behind the link: %v", left)
	}
}

func TestAuthorityOutOfForce(t *testing.T) {
	c := newClock()
	a := openTest(t, Options{Now: c.Now})
	c.advance(-2 * day)
	_, err := Load(a.Dir(), Options{Now: c.Now})
	wantHint(t, err, "2026-11-21", "date")
	c.advance(11 * 366 * day)
	_, err = Load(a.Dir(), Options{Now: c.Now})
	wantHint(t, err, "ended on 2036-11-23", "certs install")
	if _, err := a.Issue(DefaultNames()); err == nil {
		t.Error("an authority that is over signs leaves")
	}
}

func TestLoadMakesNothing(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "ca")
	if _, err := Load(dir, Options{}); !errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("Load = %v", err)
	}
	if exists(dir) {
		t.Error("Load made the folder")
	}
}

func TestOpenLeavesForeignFoldersAlone(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "ca")
	write(t, dir+"/thesis.txt", 0o644, "years of work")
	if _, created, err := Open(dir, Options{}); err == nil || created {
		t.Fatalf("Open = %v, %v", created, err)
	}
	if string(read(t, dir+"/thesis.txt")) != "years of work" {
		t.Error("the file is gone")
	}
}

func TestRemove(t *testing.T) {
	a := openTest(t, Options{})
	if _, err := NewKeeper(a, KeeperOptions{}); err != nil {
		t.Fatal(err)
	}
	write(t, a.Dir()+"/notes.txt", 0o644, "mine")
	wantHint(t, Remove(a.Dir()), "notes.txt", "")
	remove(t, a.Dir()+"/notes.txt")
	write(t, filepath.Dir(a.Dir())+"/.ca.tmp-1/authority/intermediate-key.pem", 0o600, "left by a process that died")
	for range 2 { // the second time there is nothing left to remove
		if err := Remove(a.Dir()); err != nil {
			t.Fatal(err)
		}
	}
	left, err := os.ReadDir(filepath.Dir(a.Dir()))
	if err != nil || len(left) != 1 || left[0].Name() != ".ca.lock" {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func cut(t *testing.T, path string) {
	data := read(t, path)
	write(t, path, 0o600, string(data[:len(data)/2]))
}

func appendTo(t *testing.T, path, words string)  { write(t, path, 0o600, string(read(t, path))+words) }
func prependTo(t *testing.T, path, words string) { write(t, path, 0o600, words+string(read(t, path))) }

// linked puts a link to a file in its place.
func linked(t *testing.T, path string) {
	t.Helper()
	away := filepath.Join(t.TempDir(), "away")
	must(t, os.Rename(path, away))
	must(t, os.Symlink(away, path))
}

func double(t *testing.T, path string) {
	data := read(t, path)
	write(t, path, 0o644, string(data)+string(data))
}

func remove(t *testing.T, path string) {
	t.Helper()
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
}

func chmod(t *testing.T, path string, mode fs.FileMode) {
	t.Helper()
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
}

func otherKey(t *testing.T, dir string) {
	write(t, dir+"/intermediate-key.pem", 0o600, string(read(t, openTest(t, Options{}).Dir()+"/intermediate-key.pem")))
}

func otherRoot(t *testing.T, dir string) {
	write(t, dir+"/rootCA.pem", 0o600, string(read(t, openTest(t, Options{}).Dir()+"/rootCA.pem")))
}

// unconstrained puts another root in the place of the authority's, made with the template changed.
func unconstrained(change func(*x509.Certificate)) func(t *testing.T, dir string) {
	return func(t *testing.T, dir string) {
		template := caTemplate("root", "x", time.Now(), []string{localhost})
		change(template)
		made, _, err := sign(template, nil, nil)
		must(t, err)
		write(t, dir+"/rootCA.pem", 0o644, string(encodeCertificates(made.Raw)))
	}
}

func TestIssueRefusesWhatNobodyWouldAccept(t *testing.T) {
	a := openTest(t, Options{})
	_, err := a.Issue(Names{"localhost", "example.com"})
	wantHint(t, err, `certify "example.com"`, "certs init --allow-domain example.com && letta-dev certs install")
	dir := t.TempDir()
	_, err = a.Create(Names{"192.0.2.7"}, CreateOptions{Dir: dir})
	wantHint(t, err, `certify "192.0.2.7"`, "certs init --mkcert")
	if entries, _ := os.ReadDir(dir); len(entries) != 0 {
		t.Errorf("written all the same: %v", entries)
	}
}
