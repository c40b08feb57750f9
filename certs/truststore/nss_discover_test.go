package truststore

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/letta-dev/letta-dev/certs/certstest"
	"github.com/letta-dev/letta-dev/certs/host"
)

func TestChromiumDatabases(t *testing.T) {
	const old, modern, snap = ".pki/nssdb", ".local/share/pki/nssdb", "snap/chromium/current/.pki/nssdb"
	for name, tc := range map[string]struct {
		there   []string
		browser string
		want    []string
	}{
		"nothing":                {nil, "", nil},
		"a browser never begun":  {nil, "chromium", []string{modern}},
		"the old place":          {[]string{old}, "chromium", []string{old}},
		"the new place":          {[]string{modern}, "", []string{modern}},
		"both":                   {[]string{old, modern}, "chromium", []string{old, modern}},
		"a snap":                 {[]string{snap}, "", []string{snap}},
		"a snap and a browser":   {[]string{snap}, "google-chrome", []string{modern, snap}},
		"a flatpak":              {[]string{".var/app/com.google.Chrome/.pki/nssdb"}, "", []string{".var/app/com.google.Chrome/.pki/nssdb"}},
		"another kind of client": {nil, "firefox", nil},
	} {
		t.Run(name, func(t *testing.T) {
			env := certstest.FakeEnv(t, "linux", &certstest.Recorder{}, tc.browser)
			for _, dir := range tc.there {
				certstest.Must(t, os.MkdirAll(env.InHome(dir), 0o700))
			}
			wantPaths(t, env, chromiumDatabases(env), tc.want)
		})
	}
	t.Run("one place by two ways", func(t *testing.T) {
		env := certstest.FakeEnv(t, "linux", &certstest.Recorder{})
		certstest.Must(t, os.MkdirAll(env.InHome(modern), 0o700))
		certstest.Must(t, os.Mkdir(env.InHome(".pki"), 0o700))
		certstest.Must(t, os.Symlink(env.InHome(modern), env.InHome(old)))
		wantPaths(t, env, chromiumDatabases(env), []string{old})
	})
	t.Run("XDG_DATA_HOME", func(t *testing.T) {
		env := certstest.FakeEnv(t, "linux", &certstest.Recorder{}, "chromium")
		env.Vars["XDG_DATA_HOME"] = env.InHome("data")
		wantPaths(t, env, chromiumDatabases(env), []string{"data/pki/nssdb"})
		env.Vars["XDG_DATA_HOME"] = "relative"
		wantPaths(t, env, chromiumDatabases(env), []string{modern})
	})
}

func wantPaths(t *testing.T, env host.Env, got, want []string) {
	t.Helper()
	var rel []string
	for _, path := range got {
		r, err := filepath.Rel(env.Home, path)
		certstest.Must(t, err)
		rel = append(rel, r)
	}
	if !slices.Equal(rel, want) {
		t.Errorf("got %q, want %q", rel, want)
	}
}

func TestFirefoxProfiles(t *testing.T) {
	env := certstest.FakeEnv(t, "linux", &certstest.Recorder{})
	ini := func(root, profile string) {
		certstest.Write(t, env.InHome(root, "profiles.ini"), 0o644, "[Profile0]\nName=x\nIsRelative=1\nPath="+profile+"\n")
		certstest.Must(t, os.MkdirAll(env.InHome(root, profile), 0o700))
	}
	ini(".mozilla/firefox", "a b.default")
	ini(".config/mozilla/firefox", "c.default")
	ini("snap/firefox/common/.mozilla/firefox", "d.default")
	ini(".var/app/org.mozilla.firefox/.mozilla/firefox", "e.default")
	certstest.Must(t, os.MkdirAll(env.InHome(".mozilla/firefox/Crash Reports"), 0o700)) // no profile, though mkcert's glob takes it for one
	wantPaths(t, env, firefoxProfiles(env), []string{".mozilla/firefox/a b.default", ".config/mozilla/firefox/c.default",
		"snap/firefox/common/.mozilla/firefox/d.default", ".var/app/org.mozilla.firefox/.mozilla/firefox/e.default"})
	certstest.Must(t, os.RemoveAll(env.InHome(".mozilla/firefox/a b.default")))
	if got := firefoxProfiles(env); len(got) != 3 {
		t.Errorf("a profile that is gone is still listed: %q", got)
	}
}

func TestParseProfiles(t *testing.T) {
	const ini = "[Install4F96D1932A9F858E]\r\nDefault=abc.default-esr\r\nLocked=1\r\n\r\n" +
		"[Profile1]\r\nName=default\r\nIsRelative=1\r\nPath=abc.default\r\nDefault=1\r\n\r\n" +
		"[Profile0]\nIsRelative=0\nPath=/mnt/my profile/x\n[Profile2]\nPath=../../../etc\n" +
		"[Profile3]\nIsRelative=0\nPath=relative\n[Profile4]\nPath=abc.default\n[General]\nPath=none\n"
	got := parseProfiles("/root", []byte(ini))
	if want := []string{"/root/abc.default", "/mnt/my profile/x"}; !slices.Equal(got, want) {
		t.Fatalf("got %q, want %q", got, want)
	}
}

// Whatever the file says, each result is an absolute, clean path, and one that is relative stays inside the root.
func FuzzParseProfiles(f *testing.F) {
	f.Add("[Profile0]\nIsRelative=1\nPath=abc.default\n")
	f.Add("[Profile0]\nIsRelative=0\nPath=/a/../b\n[Profile1]\nPath=../x")
	f.Add("[Profile\nPath=")
	f.Fuzz(func(t *testing.T, ini string) {
		for _, dir := range parseProfiles("/root", []byte(ini)) {
			if !filepath.IsAbs(dir) || filepath.Clean(dir) != dir || strings.ContainsRune(dir, 0) {
				t.Fatalf("%q is not a clean absolute path", dir)
			}
			inside := dir == "/root" || strings.HasPrefix(dir, "/root/")
			if !inside && !strings.Contains(ini, "IsRelative=0") {
				t.Fatalf("%q left the root", dir)
			}
		}
	})
}
