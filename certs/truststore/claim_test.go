package truststore

import (
	"context"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/letta-dev/letta-dev/certs"
	"github.com/letta-dev/letta-dev/certs/certstest"
	"github.com/letta-dev/letta-dev/certs/host"
)

// What another HOME has in the stores of the machine stays there, and is told of; all go when all are claimed.
func TestUntrustTakesWhatIsClaimed(t *testing.T) {
	for name, storesOf := range map[string]func(host.Env) []Store{
		"system": systemStores, "policies": policyStores, "Java": javaStores, "keychain": func(env host.Env) []Store { return []Store{&keychain{env: env}} },
	} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "ca")
			mine, theirs := rootMade(t, dir), rootMade(t, filepath.Join(t.TempDir(), "ca"))
			held := []*x509.Certificate{mine, theirs}
			env := holding(t, held)
			for _, tc := range []struct {
				claim   certs.Claim
				removes []*x509.Certificate
			}{{certs.Claim{Folder: dir}, held[:1]}, {certs.Claim{Folder: filepath.Dir(dir)}, nil}, {certs.Claim{}, held}} {
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
		bundle = append(bundle, certstest.PEM(c.Raw)...)
		keystore = append(keystore, c.Raw...)
		listing += entryText(certs.Root{Certificate: c}.Name(), "trustedCertEntry", c.Raw)
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
		certstest.Write(t, env.InRoot("/usr/local/share/ca-certificates", certs.Root{Certificate: c}.FileName()+".crt"), 0o644, certstest.PEM(c.Raw))
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
	root := certs.Root{Certificate: c}
	encoded := base64.StdEncoding.EncodeToString(c.Raw)
	for _, command := range commands {
		line := command.String()
		switch {
		case strings.Contains(line, "policies"):
			return !strings.Contains(line, encoded)
		case strings.Contains(line, root.Name()), strings.Contains(line, root.FileName()), strings.Contains(line, strings.ToUpper(thumbprint(root))):
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
		root := certs.Root{Certificate: c}
		certstest.Write(t, env.InRoot("/usr/local/share/ca-certificates", root.FileName()+".crt"), 0o644, certstest.PEM(c.Raw))
		certstest.Write(t, env.InRoot("/usr/local/share/ca-certificates", strings.TrimPrefix(root.FileName(), certs.FileName(certs.Borrowed))+".crt"), 0o644, certstest.PEM(c.Raw))
	}
	certstest.Write(t, env.InRoot("/etc/ssl/certs/ca-certificates.crt"), 0o644, certstest.PEM(mine.Raw, theirs.Raw))
	for _, tc := range []struct {
		claim   certs.Claim
		removes string
	}{
		{certs.Claim{Folder: t.TempDir(), Mkcert: mine}, certs.FileName(certs.Borrowed)},
		{certs.Claim{Folder: t.TempDir()}, ""},
	} {
		commands, err := systemStores(env)[0].Commands(t.Context(), ToUninstall, tc.claim.Root())
		certstest.Must(t, err)
		want := ""
		if tc.removes != "" {
			want = "rm -f -- " + host.Quote(env.InRoot("/usr/local/share/ca-certificates", certs.Root{Certificate: mine}.FileName()+".crt"))
		}
		if got := append(certstest.Lines(commands), "")[0]; got != want {
			t.Errorf("%+v: %q, want %q", tc.claim, got, want)
		}
	}
}

// noting is a store that notes what it is to remove.
type noting struct {
	unsupported
	removed []certs.Root
}

func (n *noting) Status(context.Context, certs.Root) (Status, error) {
	return Status{State: Trusted}, nil
}

func (n *noting) Commands(_ context.Context, _ Action, root certs.Root) ([]host.Command, error) {
	n.removed = append(n.removed, root)
	return []host.Command{{Argv: []string{"true"}}}, nil
}

// Taking our authority out of the stores leaves mkcert's root in them: it may have been there before.
func TestUntrustLeavesMkcertsRoot(t *testing.T) {
	store := &noting{}
	Uninstall(t.Context(), certs.Claim{Authority: openTest(t, certs.Options{CAROOT: certstest.FakeCAROOT(t)})}, []Store{store}, nil)
	for _, root := range store.removed {
		if root.Certificate != nil {
			t.Errorf("asked to remove %s", root.Name())
		}
	}
	if len(store.removed) == 0 {
		t.Error("not asked to remove ours either")
	}
}

// rootMade returns the root of an authority that was in a folder and is no more.
func rootMade(t *testing.T, dir string) *x509.Certificate {
	t.Helper()
	a, created, err := certs.Open(dir, certs.Options{})
	if err != nil || !created {
		t.Fatalf("Open = %v, %v", created, err)
	}
	_, err = certs.Remove(dir, nil)
	certstest.Must(t, err)
	return a.Root().Certificate
}
