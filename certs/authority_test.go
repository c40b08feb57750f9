package certs

import (
	"crypto/x509"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/letta-dev/letta-dev/certs/certstest"
	"github.com/letta-dev/letta-dev/certs/host"
)

func TestAuthorityIsConstrained(t *testing.T) {
	c := certstest.NewClock()
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
	if key := certstest.Read(t, filepath.Join(dir, intermediateKeyFile)); strings.Count(string(key), "BEGIN") != 1 {
		t.Error("more than the intermediate's key is on disk")
	}
	again, created, err := Open(dir, Options{})
	if err != nil || created {
		t.Fatalf("Open again = created %v, %v", created, err)
	}
	if again.Root().Fingerprint() != a.Root().Fingerprint() || len(a.Root().Fingerprint()) != 64 {
		t.Errorf("fingerprints %q and %q", a.Root().Fingerprint(), again.Root().Fingerprint())
	}
	if certstest.Verify(issueTest(t, again, "letta.localhost"), a.root, "letta.localhost", time.Now()) != nil {
		t.Error("a leaf of the loaded authority does not verify")
	}
}

func TestAuthorityOutOfForce(t *testing.T) {
	c := certstest.NewClock()
	a := openTest(t, Options{Now: c.Now})
	c.Advance(-2 * certstest.Day)
	_, err := Load(a.Dir(), Options{Now: c.Now})
	certstest.WantHint(t, err, "2026-11-21", "date")
	c.Advance(11 * 366 * certstest.Day)
	_, err = Load(a.Dir(), Options{Now: c.Now})
	certstest.WantHint(t, err, "ended on 2036-11-23", "certs install")
	if _, err := a.Issue(DefaultNames()); err == nil {
		t.Error("an authority that is over signs leaves")
	}
}

func TestLoadMakesNothing(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "ca")
	if _, err := Load(dir, Options{}); !errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("Load = %v", err)
	}
	if host.Exists(dir) {
		t.Error("Load made the folder")
	}
}

// What lies in the folder and is not ours, such as the .DS_Store of macOS, hinders nothing and stays as it is.
func TestAFolderMayHoldMore(t *testing.T) {
	parent := t.TempDir()
	dir, elsewhere := filepath.Join(parent, "ca"), filepath.Join(t.TempDir(), "elsewhere")
	certstest.Write(t, elsewhere, 0o600, "somebody's")
	certstest.Write(t, dir+"/.DS_Store", 0o644, "Finder's")
	certstest.Write(t, dir+"/thesis/chapter.txt", 0o644, "years of work")
	certstest.Write(t, dir+"/unreadable", 0o000, "")
	certstest.Must(t, os.Symlink(elsewhere, dir+"/link"))
	certstest.Must(t, os.Chmod(dir, 0o700))
	for range 2 {
		a, created, err := Open(dir, Options{})
		if err != nil || !created {
			t.Fatalf("Open = %v, %v", created, err)
		}
		again, created, err := Open(dir, Options{})
		if err != nil || created || again.Root().Fingerprint() != a.Root().Fingerprint() {
			t.Fatalf("Open again = %v, %v", created, err)
		}
		_, err = NewKeeper(a, KeeperOptions{})
		certstest.Must(t, err)
		certstest.Write(t, dir+"/leaves/.DS_Store", 0o644, "Finder's")
		certstest.Must(t, os.Symlink(elsewhere, dir+"/leaves/own.pem"))
		certstest.Write(t, filepath.Join(parent, ".ca.tmp-1/authority/intermediate-key.pem"), 0o600, "left by a process that died")
		left, err := Remove(dir, nil)
		certstest.Must(t, err)
		if want := []string{".DS_Store", "leaves/.DS_Store", "leaves/own.pem", "link", "thesis", "unreadable"}; !slices.Equal(left, want) {
			t.Errorf("named: %q, want %q", left, want)
		}
		if got := certstest.List(t, dir); !slices.Equal(got, []string{".DS_Store", "leaves", "link", "thesis", "unreadable"}) {
			t.Errorf("in the folder: %q", got)
		}
		if got := certstest.List(t, parent); !slices.Equal(got, []string{".ca.lock", "ca"}) {
			t.Errorf("beside it: %q", got)
		}
		certstest.Must(t, os.RemoveAll(dir+"/leaves"))
	}
	if string(certstest.Read(t, dir+"/thesis/chapter.txt")) != "years of work" || string(certstest.Read(t, elsewhere)) != "somebody's" {
		t.Error("what is not ours has changed")
	}
}

// What stands in the place of a file of ours, and is none, is as little ours as anything else.
func TestRemoveLeavesWhatStandsInTheWay(t *testing.T) {
	a := openTest(t, Options{})
	elsewhere := filepath.Join(t.TempDir(), "elsewhere")
	certstest.Must(t, os.Rename(a.Dir()+"/rootCA.pem", elsewhere))
	certstest.Must(t, os.Symlink(elsewhere, a.Dir()+"/rootCA.pem"))
	certstest.Write(t, a.Dir()+"/caroot/deep", 0o600, "mine")
	left, err := Remove(a.Dir(), nil)
	if got := certstest.List(t, a.Dir()); err != nil || !slices.Equal(left, []string{"caroot", "rootCA.pem"}) || !slices.Equal(got, left) || !host.Exists(elsewhere) {
		t.Errorf("named %q, there is %q; %v", left, got, err)
	}
}

// removeTest removes an authority in whose folder there is nothing else.
func removeTest(t *testing.T, dir string, owner *host.Owner) {
	t.Helper()
	if left, err := Remove(dir, owner); err != nil || len(left) > 0 {
		t.Fatalf("left %q, %v", left, err)
	}
}

func TestRemove(t *testing.T) {
	a := openTest(t, Options{})
	if _, err := NewKeeper(a, KeeperOptions{}); err != nil {
		t.Fatal(err)
	}
	certstest.Write(t, filepath.Dir(a.Dir())+"/.ca.tmp-1/authority/intermediate-key.pem", 0o600, "left by a process that died")
	for range 2 { // the second time there is nothing left to remove
		removeTest(t, a.Dir(), nil)
	}
	left, err := os.ReadDir(filepath.Dir(a.Dir()))
	if err != nil || len(left) != 1 || left[0].Name() != ".ca.lock" {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func TestIssueRefusesWhatNobodyWouldAccept(t *testing.T) {
	a := openTest(t, Options{})
	_, err := a.Issue(Names{"localhost", "example.com"})
	certstest.WantHint(t, err, `certify "example.com"`, "certs init --allow-domain example.com && letta-dev certs install")
	dir := t.TempDir()
	_, err = a.Create(Names{"192.0.2.7"}, CreateOptions{Dir: dir})
	certstest.WantHint(t, err, `certify "192.0.2.7"`, "mkcert 192.0.2.7")
	if entries, _ := os.ReadDir(dir); len(entries) != 0 {
		t.Errorf("written all the same: %v", entries)
	}
}
