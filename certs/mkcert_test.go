package certs

import (
	"context"
	"crypto/rsa"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/letta-dev/letta-dev/certs/certstest"
	"github.com/letta-dev/letta-dev/certs/host"
)

// mkcertTool returns the path of the real mkcert, built from tools/go.mod.
func mkcertTool(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "mkcert")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", path, "filippo.io/mkcert")
	build.Dir = filepath.Join("..", "tools")
	if out, err := build.CombinedOutput(); err != nil {
		t.Skipf("NOT PROVEN: mkcert cannot be built here: %v: %s", err, out)
	}
	return path
}

// mkcert runs it with a CAROOT and a home of the test's own, so that it finds no store to change.
func mkcert(t *testing.T, tool, caroot string, args ...string) string {
	t.Helper()
	dir := t.TempDir()
	cmd := exec.CommandContext(t.Context(), tool, args...)
	cmd.Dir, cmd.Env = dir, []string{"HOME=" + dir, "CAROOT=" + caroot, "PATH=" + os.Getenv("PATH"), "TRUST_STORES=nss"}
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("mkcert: %v: %s", err, out)
	}
	return dir
}

// content returns what is in the files of a folder.
func content(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	entries, err := os.ReadDir(dir)
	certstest.Must(t, err)
	for _, entry := range entries {
		info, err := entry.Info()
		certstest.Must(t, err)
		files[entry.Name()] = info.Mode().String() + info.ModTime().String() + string(certstest.Read(t, filepath.Join(dir, entry.Name())))
	}
	return files
}

func TestAuthorityOfMkcert(t *testing.T) {
	tool := mkcertTool(t)
	for name, args := range map[string][]string{"RSA": {"localhost"}, "ECDSA": {"-ecdsa", "localhost"}} {
		t.Run(name, func(t *testing.T) {
			caroot := filepath.Join(t.TempDir(), "mkcert's own")
			mkcert(t, tool, caroot, args...)
			before := content(t, caroot)

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
				certstest.Must(t, verify(leaf, a.root, host, time.Now()))
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
			for file, was := range content(t, caroot) {
				if was != before[file] {
					t.Errorf("mkcert's %s has changed", file)
				}
			}
			if len(content(t, caroot)) != 2 {
				t.Error("mkcert's folder is not what it was")
			}
		})
	}
}

// A CAROOT may be anybody's: files linked from elsewhere, words around the PEM, constraints of its own.
func TestMkcertsPlaceMayHoldACAOfOnesOwn(t *testing.T) {
	caroot, place := fakeCaroot(t), t.TempDir()
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

// noting is a store that notes what it is to remove.
type noting struct {
	unsupported
	removed []Root
}

func (n *noting) Status(context.Context, Root) (Status, error) { return Status{State: Trusted}, nil }

func (n *noting) Commands(_ context.Context, _ Action, root Root) ([]host.Command, error) {
	n.removed = append(n.removed, root)
	return []host.Command{{Argv: []string{"true"}}}, nil
}

// Taking our authority out of the stores leaves mkcert's root in them: it may have been there before.
func TestUntrustLeavesMkcertsRoot(t *testing.T) {
	store := &noting{}
	Untrust(t.Context(), Claim{Authority: openTest(t, Options{CAROOT: fakeCaroot(t)})}, []Store{store}, nil)
	for _, root := range store.removed {
		if root.Certificate != nil {
			t.Errorf("asked to remove %s", root.Name())
		}
	}
	if len(store.removed) == 0 {
		t.Error("not asked to remove ours either")
	}
}

func TestMkcertsCAIsOver(t *testing.T) {
	c := certstest.ClockAt(time.Now().Add(11 * 366 * certstest.Day))
	_, created, err := Open(t.TempDir(), Options{CAROOT: fakeCaroot(t), Now: c.Now})
	if created {
		t.Error("an authority was made of it")
	}
	certstest.WantHint(t, err, "ended on", ".bak && mkcert -install")
}

// fakeCaroot is a folder as mkcert leaves it, without mkcert: root and key of an unconstrained CA.
func fakeCaroot(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	template := caTemplate("root", "x", time.Now(), nil)
	template.Subject.Organization = []string{"mkcert development CA"}
	template.PermittedIPRanges, template.PermittedDNSDomainsCritical, template.ExtKeyUsage = nil, false, nil
	root, key, err := sign(template, nil, nil)
	certstest.Must(t, err)
	encoded, err := encodeKey(key)
	certstest.Must(t, err)
	certstest.Write(t, dir+"/rootCA.pem", 0o644, string(encodeCertificates(root.Raw)))
	certstest.Write(t, dir+"/rootCA-key.pem", 0o400, string(encoded))
	return dir
}

func TestMkcertsFilesThatWillNotDo(t *testing.T) {
	for name, tc := range map[string]struct {
		damage     func(t *testing.T, caroot string)
		says, hint string
	}{
		"no key":        {func(t *testing.T, dir string) { remove(t, dir+"/rootCA-key.pem") }, "cannot sign", "certs uninstall"},
		"no root":       {func(t *testing.T, dir string) { remove(t, dir+"/rootCA.pem") }, "rootCA.pem", ""},
		"open key":      {func(t *testing.T, dir string) { chmod(t, dir+"/rootCA-key.pem", 0o644) }, "0644", "chmod 600 "},
		"broken root":   {func(t *testing.T, dir string) { cut(t, dir+"/rootCA.pem") }, "rootCA.pem", "certs uninstall"},
		"another's key": {func(t *testing.T, dir string) { replaceWith(t, dir, fakeCaroot(t), "rootCA-key.pem") }, "not the key", "certs uninstall"},
		"a leaf": {func(t *testing.T, dir string) {
			leaf := issueTest(t, openTest(t, Options{}), "localhost")
			certstest.Write(t, dir+"/rootCA.pem", 0o644, string(encodeCertificates(leaf.Leaf.Raw)))
		}, "not the root", "certs uninstall"},
	} {
		t.Run(name, func(t *testing.T) {
			caroot, dir := fakeCaroot(t), filepath.Join(t.TempDir(), "ca")
			made, _, err := Open(filepath.Join(t.TempDir(), "ca"), Options{CAROOT: caroot})
			certstest.Must(t, err)
			tc.damage(t, caroot)
			hint := tc.hint
			if hint == "certs uninstall" { // which would not mend what is not in use
				hint = "mv " + caroot + " " + caroot + ".bak && mkcert -install"
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
	remove(t, filepath.Join(dir, name))
	certstest.Write(t, filepath.Join(dir, name), 0o600, string(certstest.Read(t, filepath.Join(other, name))))
}

// An authority is not exchanged for another one under those who trust it.
func TestOpenKeepsTheKindOfAuthority(t *testing.T) {
	caroot := fakeCaroot(t)
	ours, theirs := openTest(t, Options{}), openTest(t, Options{CAROOT: caroot})
	_, _, err := Open(ours.Dir(), Options{CAROOT: caroot})
	certstest.WantHint(t, err, "another one already", "certs uninstall && letta-dev certs init --mkcert")
	_, _, err = Open(theirs.Dir(), Options{CAROOT: fakeCaroot(t)})
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
	caroot := fakeCaroot(t)
	remove(t, caroot+"/rootCA-key.pem")
	_, _, err := Open(openTest(t, Options{}).Dir(), Options{CAROOT: caroot})
	certstest.WantHint(t, err, "cannot sign", "mv "+caroot)
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
	certstest.Must(t, os.Rename(fakeCaroot(t), home+"/.local/share/mkcert"))
	dir, root, err := FindMkcert(env, none)
	certstest.Must(t, err)
	if dir != home+"/.local/share/mkcert" || root.Path != dir+"/rootCA.pem" || root.Certificate == nil {
		t.Errorf("found %s, %+v", dir, root)
	}
}
