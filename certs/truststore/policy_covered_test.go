package truststore

import (
	"os"
	"slices"
	"testing"

	"github.com/letta-dev/letta-dev/certs"
	"github.com/letta-dev/letta-dev/certs/certstest"
)

// Without certutil a policy stands in for the databases of its browser, and for no other's: those fail, and say why.
func TestPoliciesStandInForTheirBrowsers(t *testing.T) {
	const modern, flatpak = ".local/share/pki/nssdb", ".var/app/com.google.Chrome/.pki/nssdb"
	const firefox, snap = ".mozilla/firefox/a.default", "snap/firefox/common/.mozilla/firefox/b.default"
	for name, tc := range map[string]struct {
		installed, want []string
	}{
		"all are reached":        {[]string{"chromium", "firefox"}, []string{flatpak}},
		"Chromium is":            {[]string{"chromium"}, []string{flatpak, firefox, snap}},
		"Firefox is":             {[]string{"firefox"}, []string{modern, flatpak}},
		"one of two is":          {[]string{"chromium", "vivaldi", "firefox-esr"}, []string{modern, flatpak}},
		"none is":                {[]string{"vivaldi"}, []string{modern, flatpak, firefox, snap}},
		"certutil is here":       {[]string{"chromium", "firefox", "certutil"}, []string{modern, flatpak, firefox, snap}},
		"Chrome by another name": {[]string{"google-chrome-stable", "firefox"}, []string{flatpak}},
	} {
		t.Run(name, func(t *testing.T) {
			env := certstest.FakeEnv(t, "linux", &certstest.Recorder{}, tc.installed...)
			for _, dir := range []string{modern, flatpak, firefox, snap} {
				certstest.Must(t, os.MkdirAll(env.InHome(dir), 0o700))
			}
			certstest.Write(t, env.InHome(".mozilla/firefox/profiles.ini"), 0o600, "[Profile0]\nPath=a.default\n")
			certstest.Write(t, env.InHome("snap/firefox/common/.mozilla/firefox/profiles.ini"), 0o600, "[Profile0]\nPath=b.default\n")
			all := Stores(env, NSS, Policies)
			left := WithoutCoveredByPolicy(env, all)
			var dirs []string
			for _, s := range left {
				if database, ok := s.(*nssStore); ok {
					dirs = append(dirs, database.dir)
				}
			}
			wantPaths(t, env, dirs, tc.want)
			policies := Stores(env, Policies)
			if len(left) != len(dirs)+len(policies) || len(all) != 4+len(policies) {
				t.Errorf("%d are left of %d", len(left), len(all))
			}
			if slices.Contains(tc.installed, "certutil") {
				return
			}
			for _, r := range Install(t.Context(), openTest(t, certs.Options{}), left[:len(dirs)], nil) {
				certstest.WantHint(t, r.Err, "certutil is not installed", "letta-dev certs install --policies")
			}
		})
	}
}
