package compose

import (
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// The table of settings in docs/proxy.md has every key of x-letta-dev, and no other.
func TestDocsNameEverySetting(t *testing.T) {
	text, err := os.ReadFile("../docs/proxy.md")
	if err != nil {
		t.Fatal(err)
	}
	var told []string
	for line := range strings.Lines(string(text)) {
		cells := strings.Split(line, "|")
		if key := regexp.MustCompile("^ `([a-z.]+)` $").FindStringSubmatch(cells[min(1, len(cells)-1)]); key != nil && len(cells) == 6 {
			told = append(told, key[1])
		}
	}
	var known []string
	for key, s := range settingsShape().keys {
		within := slices.Collect(maps.Keys(s.keys))
		if len(within) == 0 {
			within = []string{""}
		}
		for _, name := range within {
			known = append(known, strings.TrimSuffix(key+"."+name, "."))
		}
	}
	slices.Sort(told)
	if slices.Sort(known); len(known) < 10 || !slices.Equal(told, known) {
		t.Errorf("docs/proxy.md names %q, the keys are %q", told, known)
	}
}
