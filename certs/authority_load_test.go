package certs

import (
	"crypto/x509"
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/letta-dev/letta-dev/certs/certstest"
)

// Each damage is done to a good authority and must be told with the file's path and what to type.
func TestLoadTellsWhatIsWrong(t *testing.T) {
	for name, tc := range map[string]struct {
		damage     func(t *testing.T, dir string)
		says, hint string
	}{
		"broken root":           {func(t *testing.T, dir string) { certstest.Write(t, dir+"/rootCA.pem", 0o644, "hello") }, "rootCA.pem", "certs install"},
		"cut root":              {func(t *testing.T, dir string) { cut(t, dir+"/rootCA.pem") }, "rootCA.pem", "certs install"},
		"words after the root":  {func(t *testing.T, dir string) { appendTo(t, dir+"/rootCA.pem", "and more") }, "not one certificate", "certs install"},
		"words before the root": {func(t *testing.T, dir string) { prependTo(t, dir+"/rootCA.pem", "Bag Attributes\n") }, "not one certificate", "certs install"},
		"words after the key":   {func(t *testing.T, dir string) { appendTo(t, dir+"/intermediate-key.pem", "\n") }, "not one private key", "certs install"},
		"a second key":          {func(t *testing.T, dir string) { double(t, dir+"/intermediate-key.pem") }, "not one private key", "certs install"},
		"a linked root":         {func(t *testing.T, dir string) { linked(t, dir+"/rootCA.pem") }, "symbolic link", "certs install"},
		"a linked key":          {func(t *testing.T, dir string) { linked(t, dir+"/intermediate-key.pem") }, "symbolic link", "certs install"},
		"a folder for a root": {func(t *testing.T, dir string) {
			certstest.Remove(t, dir+"/rootCA.pem")
			certstest.Write(t, dir+"/rootCA.pem/x", 0o600, "")
		}, "a folder", "certs install"},
		"a huge root":            {func(t *testing.T, dir string) { certstest.Must(t, os.Truncate(dir+"/rootCA.pem", 1<<40)) }, "a file of 1099511627776 bytes", "certs install"},
		"an open folder":         {func(t *testing.T, dir string) { certstest.Chmod(t, dir, 0o770) }, "0770", "chmod 700 "},
		"a reference to nowhere": {func(t *testing.T, dir string) { certstest.Write(t, dir+"/caroot", 0o644, "relative\n") }, "not the path", "certs install"},
		"bundle":                 {func(t *testing.T, dir string) { double(t, dir+"/rootCA.pem") }, "not one certificate", "certs install"},
		"missing root":           {func(t *testing.T, dir string) { certstest.Remove(t, dir+"/rootCA.pem") }, "missing", "certs install"},
		"missing key":            {func(t *testing.T, dir string) { certstest.Remove(t, dir+"/intermediate-key.pem") }, "intermediate-key.pem", "certs install"},
		"broken key":             {func(t *testing.T, dir string) { cut(t, dir+"/intermediate-key.pem") }, "PEM", "certs install"},
		"other key":              {otherKey, "not the key", "certs install"},
		"open key": {func(t *testing.T, dir string) { certstest.Chmod(t, dir+"/intermediate-key.pem", 0o640) },
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
			secret := certstest.Read(t, a.Dir()+"/intermediate-key.pem")
			tc.damage(t, a.Dir())
			_, created, err := Open(a.Dir(), Options{})
			if err == nil || created {
				t.Fatalf("Open = created %v, %v", created, err)
			}
			if errors.Is(err, fs.ErrNotExist) {
				t.Errorf("%v passes for an absent authority", err)
			}
			certstest.WantHint(t, err, tc.says, tc.hint)
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
	before := certstest.Snapshot(t, target.Dir())
	for name, obstruct := range map[string]func(dir string) error{
		"link to an authority": func(dir string) error { return os.Symlink(target.Dir(), dir) },
		"link to nothing":      func(dir string) error { return os.Symlink("nowhere", dir) },
		"link to emptiness":    func(dir string) error { return os.Symlink(t.TempDir(), dir) },
		"file":                 func(dir string) error { return os.WriteFile(dir, []byte("mine"), 0o600) },
	} {
		dir := filepath.Join(parent, name)
		certstest.Must(t, obstruct(dir))
		info, err := os.Lstat(dir)
		certstest.Must(t, err)
		_, err = Load(dir, Options{})
		certstest.WantHint(t, err, "where its folder has to be", "mv -i ")
		_, _, err = Open(dir, Options{})
		certstest.WantHint(t, err, "where its folder has to be", "mv -i ")
		_, err = Remove(dir, nil)
		certstest.WantHint(t, err, "where its folder has to be", "mv -i ")
		if now, err := os.Lstat(dir); err != nil || !os.SameFile(info, now) || info.ModTime() != now.ModTime() {
			t.Errorf("%s: it is not what it was", name)
		}
	}
	if !maps.Equal(before, certstest.Snapshot(t, target.Dir())) {
		t.Error("the authority behind the link has changed")
	}
}

// Nor do leaves go where a link leads.
func TestLeavesFolderIsNoLink(t *testing.T) {
	c := certstest.NewClock()
	a, elsewhere := openTest(t, Options{Now: c.Now}), t.TempDir()
	certstest.Must(t, os.Symlink(elsewhere, filepath.Join(a.Dir(), leavesFolder)))
	seen := &renewals{}
	_, err := NewKeeper(a, KeeperOptions{Renewed: seen.add})
	certstest.Must(t, err)
	for _, r := range seen.take() {
		if r.Err == nil || !strings.Contains(r.Err.Error(), "symbolic link") {
			t.Errorf("kept with %v", r.Err)
		}
	}
	if left := certstest.List(t, elsewhere); len(left) != 0 {
		t.Errorf("written behind the link: %v", left)
	}
}

func cut(t *testing.T, path string) {
	data := certstest.Read(t, path)
	certstest.Write(t, path, 0o600, string(data[:len(data)/2]))
}

func appendTo(t *testing.T, path, words string) {
	certstest.Write(t, path, 0o600, string(certstest.Read(t, path))+words)
}

func prependTo(t *testing.T, path, words string) {
	certstest.Write(t, path, 0o600, words+string(certstest.Read(t, path)))
}

// linked puts a link to a file in its place.
func linked(t *testing.T, path string) {
	t.Helper()
	away := filepath.Join(t.TempDir(), "away")
	certstest.Must(t, os.Rename(path, away))
	certstest.Must(t, os.Symlink(away, path))
}

func double(t *testing.T, path string) {
	data := certstest.Read(t, path)
	certstest.Write(t, path, 0o644, string(data)+string(data))
}

func otherKey(t *testing.T, dir string) {
	certstest.Write(t, dir+"/intermediate-key.pem", 0o600, string(certstest.Read(t, openTest(t, Options{}).Dir()+"/intermediate-key.pem")))
}

func otherRoot(t *testing.T, dir string) {
	certstest.Write(t, dir+"/rootCA.pem", 0o600, string(certstest.Read(t, openTest(t, Options{}).Dir()+"/rootCA.pem")))
}

// unconstrained puts another root in the place of the authority's, made with the template changed.
func unconstrained(change func(*x509.Certificate)) func(t *testing.T, dir string) {
	return func(t *testing.T, dir string) {
		template := caTemplate("root", "x", time.Now(), []string{localhost})
		change(template)
		made, _, err := sign(template, nil, nil)
		certstest.Must(t, err)
		certstest.Write(t, dir+"/rootCA.pem", 0o644, string(encodeCertificates(made.Raw)))
	}
}
