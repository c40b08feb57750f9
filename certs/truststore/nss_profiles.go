package truststore

import (
	"bytes"
	"path/filepath"
	"slices"
	"strings"

	"github.com/letta-dev/letta-dev/certs/host"
)

// firefoxProfiles returns the folders of all Firefox profiles: those of a package, before and after the move to the
// folders of the XDG specification (mkcert#668), of a snap and of a flatpak.
func firefoxProfiles(env host.Env) (dirs []string) {
	_ = env.Owner.As(func() error { // who lists profiles that are nobody's gets none
		dirs = listedProfiles(env)
		return nil
	})
	return dirs
}

func listedProfiles(env host.Env) []string {
	flatpak := env.InHome(".var/app/org.mozilla.firefox")
	var dirs []string
	for _, root := range []string{
		env.InHome(".mozilla/firefox"),
		filepath.Join(env.XDG("XDG_CONFIG_HOME", ".config"), "mozilla/firefox"),
		env.InHome("snap/firefox/common/.mozilla/firefox"),
		filepath.Join(flatpak, ".mozilla/firefox"),
		filepath.Join(flatpak, "config/mozilla/firefox"),
	} {
		ini, err := host.ReadBounded(filepath.Join(root, "profiles.ini"), host.MaxPEM)
		if err == nil {
			dirs = append(dirs, existing(parseProfiles(root, ini)...)...)
		}
	}
	return dirs
}

// parseProfiles returns the folders that a Firefox profiles.ini in root names, each once. A relative path that leaves
// root, which Firefox never writes, is passed over.
func parseProfiles(root string, ini []byte) []string {
	var dirs []string
	section, path, relative := "", "", true
	flush := func() {
		if dir, ok := profileDir(root, path, relative); ok && strings.HasPrefix(section, "Profile") && !slices.Contains(dirs, dir) {
			dirs = append(dirs, dir)
		}
		path, relative = "", true
	}
	for raw := range bytes.Lines(ini) {
		line := strings.TrimSpace(string(raw))
		if strings.HasPrefix(line, "[") {
			flush()
			section = strings.Trim(line, "[]")
			continue
		}
		switch key, value, _ := strings.Cut(line, "="); key {
		case "Path":
			path = value
		case "IsRelative":
			relative = value != "0"
		}
	}
	flush()
	return dirs
}

func profileDir(root, path string, relative bool) (string, bool) {
	switch {
	case path == "" || strings.ContainsRune(path, 0):
		return "", false
	case relative:
		return filepath.Join(root, path), filepath.IsLocal(path)
	default:
		return filepath.Clean(path), filepath.IsAbs(path)
	}
}
