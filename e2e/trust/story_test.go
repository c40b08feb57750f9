//go:build e2e && linux

package trust

import (
	"context"
	"crypto/rand"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// A story has a user, who runs the proxy, the page that accepted servers show, and the clients.
type story struct {
	user      *user
	authority string // its folder
	marker    string
	clients   []client
	brief     bool // asks for the essential URLs: another story asks for all
}

func newStory(t *testing.T, u *user) *story {
	t.Helper()
	s := &story{user: u, marker: newMarker(), clients: here(t, u), authority: filepath.Dir(strings.TrimSpace(u.admin(t, "certs", "path")))}
	u.proxy(t, s.marker)
	return s
}

const home = "https://localhost:8283/"

// honest are the names under which the proxy is known.
func honest(want verdict) map[string]verdict {
	return map[string]verdict{home: want, "https://letta.localhost:8283/": want, "https://sub.letta.localhost:8283/": want,
		"https://deep.sub.letta.localhost:8283/": want, "https://127.0.0.1:8283/": want, "https://[::1]:8283/": want}
}

// serve adds to the proxy what a thief can make of the intermediate's key. A name that it may sign for is accepted: the other
// certificates are as well made, and refused for what they say.
func (s *story) serve(t *testing.T) map[string]verdict {
	th := steal(t, s.authority)
	impostor(t, "9001", s.marker, th.leaf(t, "localhost"))
	impostor(t, "9002", s.marker, th.leaf(t, "example.com"))
	impostor(t, "9003", s.marker, th.leaf(t, address))
	impostor(t, "9004", s.marker, th.leaf(t, "letta.localhost", "example.com"))
	impostor(t, "9005", s.marker, th.intermediate(t).leaf(t, "example.com"))
	impostor(t, "9006", s.marker, th.commonName(t, "example.com"))
	served := honest(accepted)
	maps.Copy(served, map[string]verdict{
		"https://localhost:9001/":       accepted,
		"https://example.com:9002/":     forbidden,
		"https://" + address + ":9003/": forbidden,
		"https://letta.localhost:9004/": forbidden,
		"https://example.com:9004/":     forbidden,
		"https://example.com:9005/":     forbidden,
		"https://example.com:9006/":     nameless,
	})
	return served
}

// essential tells whether every story asks for a URL: a name, an address, and a thief's with one of each.
func essential(url string) bool {
	return slices.Contains([]string{home, "https://127.0.0.1:8283/", "https://localhost:9001/", "https://example.com:9002/", "https://" + address + ":9003/"}, url)
}

// all has the clients with roots from those stores fetch the URLs, side by side. Before their commands stands before.
func (s *story) all(t *testing.T, hour string, stores []store, before []string, want map[string]verdict) {
	if s.brief {
		want = maps.Clone(want)
		maps.DeleteFunc(want, func(url string, _ verdict) bool { return !essential(url) })
	}
	t.Run(hour, func(t *testing.T) {
		for _, c := range s.clients {
			if !slices.Contains(stores, c.reads) {
				continue
			}
			t.Run(c.name, func(t *testing.T) {
				t.Parallel()
				ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
				defer cancel()
				said := c.ask(ctx, s.user, before, keys(want))
				made := map[verdict][]string{} // how many, and the different words of each
				for _, url := range keys(want) {
					words, ok := c.judge(said[url], s.marker, want[url])
					if !ok {
						t.Errorf("%s: want %s, but: %s", url, want[url], said[url])
					}
					made[want[url]] = append(made[want[url]], words)
				}
				for _, v := range slices.Sorted(maps.Keys(made)) {
					t.Logf("%-17s %d × %s: %s", c.name, len(made[v]), v, strings.Join(slices.Compact(slices.Sorted(slices.Values(made[v]))), "; "))
				}
			})
		}
	})
}

func newMarker() string { return strings.ToLower(rand.Text()) }

// keys are the URLs in order.
func keys(m map[string]verdict) []string { return slices.Sorted(maps.Keys(m)) }
