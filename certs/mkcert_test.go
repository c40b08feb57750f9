package certs

import (
	"crypto/rsa"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/letta-dev/letta-dev/certs/certstest"
	"github.com/letta-dev/letta-dev/certs/host"
)

func TestAuthorityOfMkcert(t *testing.T) {
	tool := certstest.MkcertTool(t)
	for name, args := range map[string][]string{"RSA": {"localhost"}, "ECDSA": {"-ecdsa", "localhost"}} {
		t.Run(name, func(t *testing.T) {
			caroot := filepath.Join(t.TempDir(), "mkcert's own")
			certstest.RunMkcert(t, tool, caroot, args...)
			before := certstest.Snapshot(t, caroot)

			a := openTest(t, Options{CAROOT: caroot})
			if _, isRSA := a.key.Public().(*rsa.PublicKey); isRSA != (name == "RSA") {
				t.Errorf("the key is a %T", a.key)
			}
			if !a.Mkcert() || a.Root().Path != filepath.Join(caroot, rootFile) || len(a.Domains()) != 0 {
				t.Errorf("mkcert's %v, root %s, domains %v", a.Mkcert(), a.Root().Path, a.Domains())
			}
			again, created, err := Open(a.Dir(), Options{})
			if err != nil || created || again.Root().Fingerprint() != a.Root().Fingerprint() {
				t.Fatalf("Open again = created %v, %v", created, err)
			}
			for _, host := range []string{"letta.localhost", "127.0.0.1", "dev.example.test", "192.0.2.7"} {
				leaf := issueTest(t, again, host)
				certstest.Must(t, certstest.Verify(leaf, a.root, host, time.Now()))
				if leaf.Leaf.NotBefore.Before(a.root.NotBefore) {
					t.Errorf("the leaf is of %s, before its root, of %s", leaf.Leaf.NotBefore, a.root.NotBefore)
				}
				if len(leaf.Certificate) != 1 {
					t.Errorf("%d certificates in the chain, want the leaf alone", len(leaf.Certificate))
				}
			}
			removeTest(t, a.Dir(), nil)
			if host.Exists(a.Dir()) {
				t.Error("our folder is still there")
			}
			for file, was := range certstest.Snapshot(t, caroot) {
				if was != before[file] {
					t.Errorf("mkcert's %s has changed", file)
				}
			}
			if len(certstest.Snapshot(t, caroot)) != 2 {
				t.Error("mkcert's folder is not what it was")
			}
		})
	}
}

// A CAROOT may be anybody's: files linked from elsewhere, words around the PEM, constraints of its own.
func TestMkcertsPlaceMayHoldACAOfOnesOwn(t *testing.T) {
	caroot, place := certstest.FakeCAROOT(t), t.TempDir()
	prependTo(t, caroot+"/rootCA.pem", "subject=made by openssl\n")
	for _, name := range []string{"rootCA.pem", "rootCA-key.pem"} {
		certstest.Must(t, os.Symlink(filepath.Join(caroot, name), filepath.Join(place, name)))
	}
	a := openTest(t, Options{CAROOT: place})
	certstest.Must(t, a.Check(Names{"example.com", "192.0.2.7", "ada@example.com", "https://example.com"}))

	root, key, err := sign(caTemplate("root", "x", time.Now(), []string{"example.test"}), nil, nil)
	certstest.Must(t, err)
	encoded, err := encodeKey(key)
	certstest.Must(t, err)
	own := t.TempDir()
	certstest.Write(t, own+"/rootCA.pem", 0o644, string(encodeCertificates(root.Raw)))
	certstest.Write(t, own+"/rootCA-key.pem", 0o600, string(encoded))
	a = openTest(t, Options{CAROOT: own})
	certstest.Must(t, a.Check(Names{"a.example.test", "127.0.0.1"}))
	certstest.WantHint(t, a.Check(Names{"example.com"}), "example.com", "certs init")
	certstest.WantHint(t, a.Check(Names{"192.0.2.7"}), "192.0.2.7", "mkcert 192.0.2.7")
}

func TestMkcertsCAIsOver(t *testing.T) {
	c := certstest.ClockAt(time.Now().Add(11 * 366 * certstest.Day))
	_, created, err := Open(t.TempDir(), Options{CAROOT: certstest.FakeCAROOT(t), Now: c.Now})
	if created {
		t.Error("an authority was made of it")
	}
	certstest.WantHint(t, err, "ended on", ".bak && mkcert -install")
}

func TestMkcertsFilesThatWillNotDo(t *testing.T) {
	for name, tc := range map[string]struct {
		damage     func(t *testing.T, caroot string)
		says, hint string
	}{
		"no key":        {func(t *testing.T, dir string) { certstest.Remove(t, dir+"/rootCA-key.pem") }, "cannot sign", "certs uninstall"},
		"no root":       {func(t *testing.T, dir string) { certstest.Remove(t, dir+"/rootCA.pem") }, "rootCA.pem", ""},
		"open key":      {func(t *testing.T, dir string) { certstest.Chmod(t, dir+"/rootCA-key.pem", 0o644) }, "0644", "chmod 600 "},
		"broken root":   {func(t *testing.T, dir string) { cut(t, dir+"/rootCA.pem") }, "rootCA.pem", "certs uninstall"},
		"another's key": {func(t *testing.T, dir string) { replaceWith(t, dir, certstest.FakeCAROOT(t), "rootCA-key.pem") }, "not the key", "certs uninstall"},
		"a leaf": {func(t *testing.T, dir string) {
			leaf := issueTest(t, openTest(t, Options{}), "localhost")
			certstest.Write(t, dir+"/rootCA.pem", 0o644, string(encodeCertificates(leaf.Leaf.Raw)))
		}, "not the root", "certs uninstall"},
	} {
		t.Run(name, func(t *testing.T) {
			caroot, dir := certstest.FakeCAROOT(t), filepath.Join(t.TempDir(), "ca")
			made, _, err := Open(filepath.Join(t.TempDir(), "ca"), Options{CAROOT: caroot})
			certstest.Must(t, err)
			tc.damage(t, caroot)
			hint := tc.hint
			if hint == "certs uninstall" { // which would not mend what is not in use
				hint = "mv -i " + caroot + " " + caroot + ".bak && mkcert -install"
			}
			_, created, err := Open(dir, Options{CAROOT: caroot})
			if created || host.Exists(dir) {
				t.Error("an authority was made of it")
			}
			certstest.WantHint(t, err, tc.says, hint)
			_, err = Load(made.Dir(), Options{})
			certstest.WantHint(t, err, tc.says, tc.hint)
			if errors.Is(err, fs.ErrNotExist) {
				t.Errorf("%v passes for an absent authority", err)
			}
			if _, err := os.Stat(caroot + "/rootCA.pem"); err != nil {
				hint = "mkcert -install"
			}
			_, _, err = FindMkcert(host.Env{}, func(name string) string { return map[string]string{"CAROOT": caroot}[name] })
			certstest.WantHint(t, err, tc.says, hint)
		})
	}
}

func replaceWith(t *testing.T, dir, other, name string) {
	certstest.Remove(t, filepath.Join(dir, name))
	certstest.Write(t, filepath.Join(dir, name), 0o600, string(certstest.Read(t, filepath.Join(other, name))))
}

// An authority is not exchanged for another one under those who trust it.
func TestOpenKeepsTheKindOfAuthority(t *testing.T) {
	caroot := certstest.FakeCAROOT(t)
	ours, theirs := openTest(t, Options{}), openTest(t, Options{CAROOT: caroot})
	_, _, err := Open(ours.Dir(), Options{CAROOT: caroot})
	certstest.WantHint(t, err, "another one already", "certs uninstall && letta-dev certs init --mkcert")
	_, _, err = Open(theirs.Dir(), Options{CAROOT: certstest.FakeCAROOT(t)})
	certstest.WantHint(t, err, "another one already", "certs uninstall && letta-dev certs init --mkcert")
	_, _, err = Open(theirs.Dir(), Options{Domains: []string{"example.test"}})
	certstest.WantHint(t, err, "example.test", "certs init --allow-domain example.test")
	_, _, err = Open(t.TempDir(), Options{CAROOT: caroot, Domains: []string{"example.test"}})
	certstest.WantHint(t, err, "every domain", "certs init --mkcert")
	_, _, err = Open(t.TempDir(), Options{CAROOT: "mkcert"})
	certstest.WantHint(t, err, `"mkcert"`, "mkcert -CAROOT")
}

// Nobody is told to give up an authority that works for one of mkcert's that does not.
func TestOpenTriesMkcertsCAFirst(t *testing.T) {
	caroot := certstest.FakeCAROOT(t)
	certstest.Remove(t, caroot+"/rootCA-key.pem")
	_, _, err := Open(openTest(t, Options{}).Dir(), Options{CAROOT: caroot})
	certstest.WantHint(t, err, "cannot sign", "mv -i "+caroot)
}

// The folder is where mkcert itself says it is.
func TestFindMkcert(t *testing.T) {
	home := t.TempDir()
	none := func(string) string { return "" }
	for name, tc := range map[string]struct {
		env    host.Env
		getenv map[string]string
		want   string
	}{
		"Linux":           {host.Env{GOOS: "linux", Home: home}, nil, home + "/.local/share/mkcert"},
		"XDG":             {host.Env{GOOS: "linux", Home: home, Vars: map[string]string{"XDG_DATA_HOME": home + "/data"}}, nil, home + "/data/mkcert"},
		"macOS":           {host.Env{GOOS: "darwin", Home: home}, nil, home + "/Library/Application Support/mkcert"},
		"Windows":         {host.Env{GOOS: "windows", Home: home}, map[string]string{"LocalAppData": home + "/AppData"}, home + "/AppData/mkcert"},
		"CAROOT":          {host.Env{GOOS: "linux", Home: home}, map[string]string{"CAROOT": home + "/ca"}, home + "/ca"},
		"CAROOT over XDG": {host.Env{GOOS: "linux", Home: home, Vars: map[string]string{"XDG_DATA_HOME": "/x"}}, map[string]string{"CAROOT": home + "/ca"}, home + "/ca"},
	} {
		if got := mkcertFolder(tc.env, func(name string) string { return tc.getenv[name] }); got != filepath.FromSlash(tc.want) {
			t.Errorf("%s: %s, want %s", name, got, tc.want)
		}
	}
	env := host.Env{GOOS: "linux", Home: home}
	if _, _, err := FindMkcert(env, none); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("without one: %v", err)
	}
	certstest.Must(t, os.MkdirAll(home+"/.local/share", 0o755))
	certstest.Must(t, os.Rename(certstest.FakeCAROOT(t), home+"/.local/share/mkcert"))
	dir, root, err := FindMkcert(env, none)
	certstest.Must(t, err)
	if dir != home+"/.local/share/mkcert" || root.Path != dir+"/rootCA.pem" || root.Certificate == nil {
		t.Errorf("found %s, %+v", dir, root)
	}
}
