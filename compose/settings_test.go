package compose

import (
	"slices"
	"strings"
	"testing"
)

// A server that no file describes has the settings of the folder all the same, whatever else its files say.
func TestSettingsAlone(t *testing.T) {
	const others = "name: mine\nservices: {web: {build: ., portz: 1, depends_on: [nobody]}}\nvolumes: [1]\nconfigs: {}\n"
	dir := folder(t, map[string]string{
		"compose.yaml":          others + "x-letta-dev: {listeners: [24000], gzip: true, hosts: ['${NAME}.localhost'], server: web}\n",
		"compose.override.yaml": others + "x-letta-dev: {listeners: [24001], cache: 1h}\n",
		".env":                  "NAME=a\nLOCAL_HTTPS=false\n",
	})
	p, err := LoadSettings(t.Context(), Options{Dir: dir, Name: "letta-dev"})
	if err != nil {
		t.Fatal(err)
	}
	s := p.Settings
	if p.Name != "letta-dev" || !p.NoTLS || p.Services != nil || !slices.Equal(s.Listeners, []string{"24000", "24001"}) ||
		!slices.Equal(s.Hosts, []string{"a.localhost"}) || !s.Policy.Gzip || s.Policy.MaxAge != 3600 {
		t.Errorf("%+v", p)
	}
}

func TestNoSettings(t *testing.T) {
	for _, files := range []map[string]string{nil, {"compose.yaml": "services: {web: {build: .}}\nx-other: [1]\n"}} {
		p, err := LoadSettings(t.Context(), Options{Dir: folder(t, files), Name: "letta-dev"})
		if err != nil {
			t.Fatal(err)
		}
		if p.Name != "letta-dev" || p.NoTLS || p.Settings.Listeners != nil || p.Settings.Hosts != nil || p.Settings.Policy.Gzip {
			t.Errorf("%+v", p)
		}
	}
}

func TestSettingsAloneRefused(t *testing.T) {
	for content, says := range map[string]string{
		"services: {web: {portz: 1}}\nx-letta-dev: {hostss: []}":      `compose.yaml:2: x-letta-dev.hostss is not a setting of letta-dev: did you mean "hosts"?`,
		"services: {web: {portz: 1}}\nx-letta-dev:\n  listeners: [a]": `compose.yaml:3: x-letta-dev.listeners.0: "a" is not an address to listen on`,
		"x-letta-dev: {cache: 1h\n":                                   "compose.yaml:2: not YAML",
	} {
		_, err := LoadSettings(t.Context(), Options{Dir: folder(t, map[string]string{"compose.yaml": content}), Name: "letta-dev"})
		if err == nil || !strings.HasPrefix(err.Error(), says) {
			t.Errorf("%q: %v, not %q", content, err, says)
		} else if strings.Contains(err.Error(), "portz") {
			t.Errorf("%q: %v", content, err)
		}
	}
}
