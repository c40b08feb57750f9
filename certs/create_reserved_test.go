package certs

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/letta-dev/letta-dev/certs/certstest"
)

// Create takes no file of an authority's away, and puts none among them, whatever leads there and whatever it is told.
func TestCreateLeavesAuthoritiesAlone(t *testing.T) {
	a := openTest(t, Options{})
	caroot := certstest.FakeCAROOT(t)
	link := filepath.Join(t.TempDir(), "link")
	certstest.Must(t, os.Symlink(a.Dir(), link))
	for path, says := range map[string]string{
		filepath.Join(a.Dir(), intermediateKeyFile): "authority's own", filepath.Join(link, "new.pem"): "authority's own",
		filepath.Join(caroot, rootFile): "root of an authority", filepath.Join(caroot, rootKeyFile): "root of an authority",
	} {
		_, err := a.Create(nil, CreateOptions{CertFile: path, KeyFile: filepath.Join(t.TempDir(), "key.pem"), Overwrite: true})
		certstest.WantHint(t, err, says, "certs create")
	}
	if _, err := Load(a.Dir(), Options{}); err != nil {
		t.Error(err)
	}
	removeTest(t, a.Dir(), nil) // nothing of another's is in it
}

// One file by two paths cannot be the certificate and the key.
func TestCreateOneFileByTwoPaths(t *testing.T) {
	a := openTest(t, Options{})
	dir, link := t.TempDir(), filepath.Join(t.TempDir(), "link")
	certstest.Must(t, os.Symlink(dir, link))
	_, err := a.Create(nil, CreateOptions{CertFile: filepath.Join(dir, "x"), KeyFile: filepath.Join(link, "x")})
	certstest.WantHint(t, err, "by way of a link", "--key-file")
	if left := certstest.List(t, dir); len(left) != 0 {
		t.Errorf("left: %v", left)
	}
}
