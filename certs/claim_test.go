package certs

import (
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/letta-dev/letta-dev/certs/certstest"
	"github.com/letta-dev/letta-dev/certs/host"
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
	before := certstest.SelfSigned(t, organisation) // of a time when roots did not name their folder
	for _, tc := range []struct {
		folder string
		want   []*x509.Certificate
	}{
		{filepath.Join(home, "data", "ca"), []*x509.Certificate{mine}},
		{filepath.Join(links, "data", "ca"), []*x509.Certificate{mine}},
		{filepath.Join(home, "other", "ca"), nil},
		{"", []*x509.Certificate{mine, sibling, before}},
	} {
		claimed, others := Claim{Folder: tc.folder}.Root().claimed([]*x509.Certificate{mine, sibling, before})
		if !slices.EqualFunc(claimed, tc.want, (*x509.Certificate).Equal) || len(claimed)+len(others) != 3 {
			t.Errorf("%q: %d claimed and %d not, want %d", tc.folder, len(claimed), len(others), len(tc.want))
		}
	}
	certstest.Must(t, os.RemoveAll(home))
	if claimed, _ := (Claim{Folder: filepath.Join(home, "data", "ca")}).Root().claimed([]*x509.Certificate{mine, sibling}); len(claimed) != 1 {
		t.Errorf("with the folder gone %d are claimed", len(claimed))
	}
}

// What another HOME has in the stores of the machine stays there, and is told of; all go when all are claimed.
func TestUntrustTakesWhatIsClaimed(t *testing.T) {
	for name, storesOf := range map[string]func(host.Env) []Store{
		"system": systemStores, "policies": policyStores, "Java": javaStores, "keychain": func(env host.Env) []Store { return []Store{&keychain{env: env}} },
	} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "ca")
			mine, theirs := rootMadeIn(t, dir), rootMadeIn(t, filepath.Join(t.TempDir(), "ca"))
			held := []*x509.Certificate{mine, theirs}
			env := holding(t, held)
			for _, tc := range []struct {
				claim   Claim
				removes []*x509.Certificate
			}{{Claim{Folder: dir}, held[:1]}, {Claim{Folder: filepath.Dir(dir)}, nil}, {Claim{}, held}} {
				stores := storesOf(env)
				root := tc.claim.Root()
				status, err := stores[0].Status(t.Context(), root)
				certstest.Must(t, err)
				if !slices.EqualFunc(status.Stale, tc.removes, (*x509.Certificate).Equal) || len(status.Stale)+len(status.Other) != 2 {
					t.Errorf("%+v: %d to be removed and %d not", tc.claim, len(status.Stale), len(status.Other))
				}
				commands, err := stores[0].Commands(t.Context(), ToUninstall, root)
				certstest.Must(t, err)
				if (len(commands) > 0) != (len(tc.removes) > 0) {
					t.Errorf("%+v: %q", tc.claim, certstest.Lines(commands))
				}
				for _, c := range held {
					if got := mentions(commands, c); got != slices.ContainsFunc(tc.removes, c.Equal) {
						t.Errorf("%+v: removes %s: %v: %q", tc.claim, c.Subject.CommonName, got, certstest.Lines(commands))
					}
				}
			}
		})
	}
}

// holding is a machine whose stores hold roots of ours.
func holding(t *testing.T, held []*x509.Certificate) host.Env {
	t.Helper()
	var bundle, keystore []byte
	var listing string
	var encoded []string
	for _, c := range held {
		bundle = append(bundle, encodeCertificates(c.Raw)...)
		keystore = append(keystore, c.Raw...)
		listing += entryText(Root{Certificate: c}.Name(), "trustedCertEntry", c.Raw)
		encoded = append(encoded, base64.StdEncoding.EncodeToString(c.Raw))
	}
	env := certstest.FakeEnv(t, "linux", &certstest.Recorder{Reply: func(c host.Command) ([]byte, error) {
		if slices.Contains(c.Argv, "-list") {
			return []byte(listing), nil
		}
		return bundle, nil
	}})
	env.LookPath = found
	for _, c := range held {
		certstest.Write(t, env.InRoot("/usr/local/share/ca-certificates", Root{Certificate: c}.fileName()+".crt"), 0o644, string(encodeCertificates(c.Raw)))
	}
	certstest.Write(t, env.InRoot("/etc/ssl/certs/ca-certificates.crt"), 0o644, string(bundle))
	certstest.Write(t, env.InRoot("/usr/lib/jvm/x/lib/security/cacerts"), 0o644, string(keystore))
	policy, err := json.Marshal(map[string][]string{"CACertificates": encoded})
	certstest.Must(t, err)
	certstest.Write(t, env.InRoot("/etc/chromium/policies/managed/letta-dev.json"), 0o644, string(policy))
	return env
}

// mentions tells whether commands remove a root: by its name, its fingerprint, or by writing a list without it.
func mentions(commands []host.Command, c *x509.Certificate) bool {
	root := Root{Certificate: c}
	encoded := base64.StdEncoding.EncodeToString(c.Raw)
	for _, command := range commands {
		line := command.String()
		switch {
		case strings.Contains(line, "policies"):
			return !strings.Contains(line, encoded)
		case strings.Contains(line, root.Name()), strings.Contains(line, root.fileName()), strings.Contains(line, strings.ToUpper(thumbprint(root))):
			return true
		}
	}
	return false
}

// What of mkcert's bears a name of ours is removed where it is of this user's mkcert; what mkcert has put there stays.
func TestClaimOfMkcertsRoot(t *testing.T) {
	mine, theirs := certstest.SelfSigned(t, "mkcert development CA"), certstest.SelfSigned(t, "mkcert development CA")
	env := certstest.FakeEnv(t, "linux", &certstest.Recorder{})
	env.LookPath = found
	for _, c := range []*x509.Certificate{mine, theirs} {
		root := Root{Certificate: c}
		certstest.Write(t, env.InRoot("/usr/local/share/ca-certificates", root.fileName()+".crt"), 0o644, string(encodeCertificates(c.Raw)))
		certstest.Write(t, env.InRoot("/usr/local/share/ca-certificates", strings.TrimPrefix(root.fileName(), asFileName(borrowed))+".crt"), 0o644, string(encodeCertificates(c.Raw)))
	}
	certstest.Write(t, env.InRoot("/etc/ssl/certs/ca-certificates.crt"), 0o644, string(encodeCertificates(mine.Raw, theirs.Raw)))
	for _, tc := range []struct {
		claim   Claim
		removes string
	}{
		{Claim{Folder: t.TempDir(), Mkcert: mine}, asFileName(borrowed)},
		{Claim{Folder: t.TempDir()}, ""},
	} {
		commands, err := systemStores(env)[0].Commands(t.Context(), ToUninstall, tc.claim.Root())
		certstest.Must(t, err)
		want := ""
		if tc.removes != "" {
			want = "rm -f -- " + host.Quote(env.InRoot("/usr/local/share/ca-certificates", Root{Certificate: mine}.fileName()+".crt"))
		}
		if got := append(certstest.Lines(commands), "")[0]; got != want {
			t.Errorf("%+v: %q, want %q", tc.claim, got, want)
		}
	}
}
