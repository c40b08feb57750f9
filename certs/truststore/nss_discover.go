package truststore

import (
	"path/filepath"
	"strings"

	"github.com/letta-dev/letta-dev/certs/host"
)

// nssStores returns the databases of the user's browsers. Those of macOS and Windows take their roots from the system;
// Firefox imports them (mkcert#653).
func nssStores(env host.Env) []Store {
	if env.GOOS == "darwin" || env.GOOS == "windows" {
		return nil
	}
	var stores []Store
	for i, dir := range chromiumDatabases(env) {
		s := &nssStore{env: env, name: "Chrome", dir: dir}
		switch {
		case unconfined(env, dir):
			s.programs = installed(env, chromiumNames()...)
			if i == 0 {
				s.browser = chromium(env)
			}
		case !inFlatpak(env, dir):
			s.programs = installed(env, "chromium-browser") // the snap looks where Ubuntu's package did
		}
		stores = append(stores, s)
	}
	for _, dir := range firefoxProfiles(env) {
		s := &nssStore{env: env, name: "Firefox", dir: dir}
		if !inFlatpak(env, dir) {
			s.programs = installed(env, "firefox", "firefox-esr")
		}
		stores = append(stores, s)
	}
	return stores
}

// chromiumDatabases returns every database a browser of Chromium's family reads. The old place wins over the new one
// if it exists at all (mkcert#671), so where both exist both are needed. Where a browser is installed and neither
// exists, the new one is to be made.
func chromiumDatabases(env host.Env) []string {
	modern := modernDatabase(env)
	dirs := existing(env.InHome(".pki/nssdb"), modern)
	if len(dirs) == 0 && chromium(env) != "" {
		dirs = []string{modern}
	}
	confined := []string{env.InHome("snap/chromium/current/.pki/nssdb"), env.InHome("snap/chromium/current/.local/share/pki/nssdb")}
	for _, app := range []string{"com.google.Chrome", "org.chromium.Chromium", "com.brave.Browser", "com.microsoft.Edge"} {
		confined = append(confined, env.InHome(".var/app", app, ".pki/nssdb"), env.InHome(".var/app", app, "data/pki/nssdb"))
	}
	return append(dirs, existing(confined...)...)
}

// unconfined tells whether a database is that of browsers which are neither a snap nor a flatpak.
func unconfined(e host.Env, dir string) bool {
	return dir == e.InHome(".pki/nssdb") || dir == modernDatabase(e)
}

// flatpak tells whether a database is that of a flatpak, which sees no policies in /etc.
func inFlatpak(e host.Env, dir string) bool { return strings.HasPrefix(dir, e.InHome(".var/app")+"/") }

func modernDatabase(e host.Env) string {
	return filepath.Join(e.XDG("XDG_DATA_HOME", ".local/share"), "pki/nssdb")
}

// chromium returns the path of an installed browser of Chromium's family, or nothing.
func chromium(env host.Env) string {
	for _, path := range installed(env, chromiumNames()...) {
		return path
	}
	return ""
}

func chromiumNames() []string {
	return []string{"chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "brave-browser", "microsoft-edge", "vivaldi"}
}

// existing returns the paths at which there is something, each place once however many links lead to it.
func existing(paths ...string) []string {
	var found []string
	seen := map[string]bool{}
	for _, path := range paths {
		real, err := filepath.EvalSymlinks(path)
		if err == nil && !seen[real] {
			seen[real] = true
			found = append(found, path)
		}
	}
	return found
}

// programs returns the paths of those that are installed.
func installed(e host.Env, names ...string) []string {
	var paths []string
	for _, name := range names {
		if path, ok := e.Find(name); ok {
			paths = append(paths, path)
		}
	}
	return paths
}
