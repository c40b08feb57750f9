//go:build e2e && linux

package trust

import (
	"context"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestClientsOfRoot(t *testing.T) {
	if ownMachine(t) {
		theStory(t, &user{home: newHome(t, "/home/newcomer", nil)})
	}
}

// The user types `sudo letta-dev certs install`: their own stores are meant, and what is in their home stays theirs.
func TestClientsOfTheUserBehindSudo(t *testing.T) {
	if ownMachine(t) {
		u := sudoer(t)
		theStory(t, u)
		owned(t, u)
	}
}

// theStory is what every client makes of us before our root is in the stores, while it is, and after.
func theStory(t *testing.T, u *user) {
	s := story{user: u, marker: newMarker(), clients: here(t, u)}
	authority := filepath.Dir(strings.TrimSpace(u.admin(t, "certs", "path")))
	u.proxy(t, s.marker)
	bundle := read(t, "/etc/ssl/certs/ca-certificates.crt")
	s.all(t, "before", map[string]verdict{"https://localhost:8283/": unknown}) // also: browsers make their profiles

	u.admin(t, "certs", "install")
	u.letta(t, "certs", "status")
	stolen := s.serveStolen(t, authority)
	for _, url := range s.honest() {
		stolen[url] = accepted
	}
	s.all(t, "installed", stolen)

	u.admin(t, "certs", "uninstall")
	u.admin(t, "certs", "uninstall") // a second time there is nothing to do, and that is no error
	after := map[string]verdict{}
	for _, url := range s.honest() {
		after[url] = unknown
	}
	s.all(t, "uninstalled", after)
	if string(bundle) != string(read(t, "/etc/ssl/certs/ca-certificates.crt")) {
		t.Error("the system's bundle is not what it was")
	}
}

// A story has a user, the page that accepted servers show, and the clients.
type story struct {
	user    *user
	marker  string
	clients []client
}

// honest are the names under which the proxy is known.
func (s *story) honest() []string {
	return []string{"https://localhost:8283/", "https://letta.localhost:8283/", "https://sub.letta.localhost:8283/",
		"https://127.0.0.1:8283/", "https://[::1]:8283/"}
}

// serveStolen serves what a thief can make of the intermediate's key. A name that it may sign for is accepted: the other
// certificates are as well made, and refused for what they say.
func (s *story) serveStolen(t *testing.T, authority string) map[string]verdict {
	th := steal(t, authority)
	impostor(t, "9001", s.marker, th.leaf(t, "localhost"))
	impostor(t, "9002", s.marker, th.leaf(t, "example.com"))
	impostor(t, "9003", s.marker, th.leaf(t, address))
	impostor(t, "9004", s.marker, th.leaf(t, "letta.localhost", "example.com"))
	impostor(t, "9005", s.marker, th.intermediate(t).leaf(t, "example.com"))
	impostor(t, "9006", s.marker, th.commonName(t, "example.com"))
	return map[string]verdict{
		"https://localhost:9001/":       accepted,
		"https://example.com:9002/":     forbidden,
		"https://" + address + ":9003/": forbidden,
		"https://letta.localhost:9004/": forbidden,
		"https://example.com:9004/":     forbidden,
		"https://example.com:9005/":     forbidden,
		"https://example.com:9006/":     nameless,
	}
}

// all has every client fetch the URLs, side by side.
func (s *story) all(t *testing.T, hour string, want map[string]verdict) {
	t.Run(hour, func(t *testing.T) {
		for _, c := range s.clients {
			t.Run(c.name, func(t *testing.T) {
				t.Parallel()
				ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
				defer cancel()
				said := c.ask(ctx, s.user, s.before(c, want), keys(want))
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

// before is what makes a client that reads no store trust us.
func (s *story) before(c client, want map[string]verdict) []string {
	if !c.byRun || want["https://localhost:8283/"] != accepted {
		return nil
	}
	root := s.user.home + "/.local/share/letta-dev/certs/rootCA.pem"
	return []string{"env", "NODE_EXTRA_CA_CERTS=" + root, "REQUESTS_CA_BUNDLE=" + root}
}
