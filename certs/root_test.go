package certs

import (
	"crypto/x509"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/letta-dev/letta-dev/certs/certstest"
)

// rootMadeIn returns the root of an authority that was in a folder and is no more.
func rootMadeIn(t *testing.T, dir string) *x509.Certificate {
	t.Helper()
	a, created, err := Open(dir, Options{})
	if err != nil || !created {
		t.Fatalf("Open = %v, %v", created, err)
	}
	removeTest(t, dir, nil)
	return a.root
}

// A folder is the same by whatever links it is reached, and while it is gone.
func TestClaimKnowsRootsByTheirFolder(t *testing.T) {
	home, links := t.TempDir(), t.TempDir()
	certstest.Must(t, os.MkdirAll(filepath.Join(home, "data"), 0o700))
	certstest.Must(t, os.Symlink(filepath.Join(home, "data"), filepath.Join(links, "data")))
	mine := rootMadeIn(t, filepath.Join(home, "data", "ca"))
	sibling := rootMadeIn(t, filepath.Join(home, "data", "ca2"))
	before := certstest.SelfSigned(t, Organisation) // of a time when roots did not name their folder
	for _, tc := range []struct {
		folder string
		want   []*x509.Certificate
	}{
		{filepath.Join(home, "data", "ca"), []*x509.Certificate{mine}},
		{filepath.Join(links, "data", "ca"), []*x509.Certificate{mine}},
		{filepath.Join(home, "other", "ca"), nil},
		{"", []*x509.Certificate{mine, sibling, before}},
	} {
		claimed, others := Claim{Folder: tc.folder}.Root().Divide([]*x509.Certificate{mine, sibling, before})
		if !slices.EqualFunc(claimed, tc.want, (*x509.Certificate).Equal) || len(claimed)+len(others) != 3 {
			t.Errorf("%q: %d claimed and %d not, want %d", tc.folder, len(claimed), len(others), len(tc.want))
		}
	}
	certstest.Must(t, os.RemoveAll(home))
	if claimed, _ := (Claim{Folder: filepath.Join(home, "data", "ca")}).Root().Divide([]*x509.Certificate{mine, sibling}); len(claimed) != 1 {
		t.Errorf("with the folder gone %d are claimed", len(claimed))
	}
}

// A root is ours by its Organisation, not by words that stand anywhere in it.
func TestRootsOfOthersThatSpeakOfUs(t *testing.T) {
	template := caTemplate("root", Organisation, time.Now(), []string{localhost})
	template.Subject.Organization = []string{"another company"}
	foreign, _, err := sign(template, nil, nil)
	certstest.Must(t, err)
	a := openTest(t, Options{})
	present, stale := Root{}.Find(encodeCertificates(foreign.Raw, a.root.Raw))
	if present || len(stale) != 1 || !stale[0].Equal(a.root) {
		t.Fatalf("present %v, stale %v", present, stale)
	}
}
