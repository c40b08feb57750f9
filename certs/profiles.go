package certs

import (
	"bytes"
	"path/filepath"
	"slices"
	"strings"
)

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
