package main

import (
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// The table of settings in docs/proxy.md has every flag that up and proxy share, and no other.
func TestDocsNameEveryFlagOfTheProxy(t *testing.T) {
	text, err := os.ReadFile("../../docs/proxy.md")
	if err != nil {
		t.Fatal(err)
	}
	told := map[string]bool{}
	for line := range strings.Lines(string(text)) {
		if cells := strings.Split(line, "|"); len(cells) == 6 { // key, flag, default, does
			for _, flag := range regexp.MustCompile("`--([a-z-]+)").FindAllStringSubmatch(cells[2], -1) {
				told[flag[1]] = true
			}
		}
	}
	delete(told, "host") // what --serve-host is called for proxy
	cmd, known := &cobra.Command{}, map[string]bool{}
	new(proxyOptions).flags(cmd)
	cmd.Flags().VisitAll(func(f *pflag.Flag) { known[f.Name] = f.Name != "trust" }) // which is about the certificates
	maps.DeleteFunc(known, func(_ string, isSetting bool) bool { return !isSetting })
	got, want := slices.Sorted(maps.Keys(told)), slices.Sorted(maps.Keys(known))
	if len(want) < 10 || !slices.Equal(got, want) {
		t.Errorf("docs/proxy.md names %q, the flags are %q", got, want)
	}
}
