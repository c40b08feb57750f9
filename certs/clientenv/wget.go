package clientenv

import (
	"bytes"
	"errors"
	"io/fs"
	"path/filepath"
	"strings"

	"github.com/letta-dev/letta-dev/certs/host"
)

// wget returns a file of wget's settings: the user's, and one that names the roots. They may hold passwords, so it is the
// user's alone. An empty path means that there is no wget here.
func (e *builder) wget() (string, error) {
	if _, ok := e.env.Find("wget"); !ok {
		return "", nil
	}
	o, err := e.named("WGETRC", func() (bundleSource, error) { return bundleSource{e.env.InHome(".wgetrc")}, nil })()
	if err != nil {
		return "", err
	}
	if len(o) != 1 {
		return "", errors.New("the settings that it names are not wget's")
	}
	settings, err := host.ReadBounded(o[0], host.MaxRoots)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	kept, roots := splitWgetrc(settings)
	if roots == "" {
		system, _ := host.ReadBounded(e.env.InRoot("/etc/wgetrc"), host.MaxRoots)
		_, roots = splitWgetrc(system)
	}
	from, err := e.systemRoots()
	if roots != "" {
		from, err = e.behind(e.atHome(roots), e.systemRoots)
	}
	if err != nil {
		return "", err
	}
	bundle, err := e.bundle(from)
	if err != nil {
		return "", err
	}
	if strings.ContainsAny(bundle, "\n") {
		return "", errors.New("wget's settings cannot hold a path with a line break")
	}
	data := o.line() + kept + rootsSetting(bundle)
	return e.files.keep(o.name("wgetrc-", ""), 0o600, []byte(data))
}

func rootsSetting(path string) string { return "ca_certificate = " + path + "\n" }

// atHome is a path as wget reads it.
func (e *builder) atHome(path string) string {
	if rest, ok := strings.CutPrefix(path, "~/"); ok {
		return filepath.Join(e.env.Home, rest)
	}
	return path
}

// splitWgetrc takes the setting of the roots out of a file of wget's settings. wget ignores case, hyphens and underscores
// in names.
func splitWgetrc(data []byte) (others, roots string) {
	for line := range bytes.Lines(data) {
		name, value, ok := strings.Cut(string(line), "=")
		name = strings.NewReplacer("-", "", "_", "").Replace(strings.ToLower(strings.TrimSpace(name)))
		if ok && name == "cacertificate" {
			roots = strings.TrimSpace(value)
			continue
		}
		others += string(line)
	}
	if others != "" && !strings.HasSuffix(others, "\n") {
		others += "\n"
	}
	return others, roots
}
