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
	wantHint(t, Remove(a.Dir(), nil), "notes.txt", "")
	remove(t, a.Dir()+"/notes.txt")
	write(t, filepath.Dir(a.Dir())+"/.ca.tmp-1/authority/intermediate-key.pem", 0o600, "left by a process that died")
	for range 2 { // the second time there is nothing left to remove
		if err := Remove(a.Dir(), nil); err != nil {
			t.Fatal(err)
		}
	}
	left, err := os.ReadDir(filepath.Dir(a.Dir()))
	if err != nil || len(left) != 1 || left[0].Name() != ".ca.lock" {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func TestIssueRefusesWhatNobodyWouldAccept(t *testing.T) {
	a := openTest(t, Options{})
	_, err := a.Issue(Names{"localhost", "example.com"})
	wantHint(t, err, `certify "example.com"`, "certs init --allow-domain example.com && letta-dev certs install")
	dir := t.TempDir()
	_, err = a.Create(Names{"192.0.2.7"}, CreateOptions{Dir: dir})
	wantHint(t, err, `certify "192.0.2.7"`, "mkcert 192.0.2.7")
	if entries, _ := os.ReadDir(dir); len(entries) != 0 {
		t.Errorf("written all the same: %v", entries)
	}
}
