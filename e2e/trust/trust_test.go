//go:build e2e && linux

package trust

import (
	"context"
	"errors"
	"io/fs"
	"maps"
	"os"
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
	every, readers, told, byRun := []store{browsers, system, nothing}, []store{browsers, system}, []store{system, nothing}, []string{program, "run", "--"}
	s.all(t, "before", every, nil, map[string]verdict{"https://localhost:8283/": unknown}) // also: browsers make their profiles
	served := s.serveStolen(t, authority)
	maps.Copy(served, honest(accepted))
	s.all(t, "by run", told, byRun, served)

	u.admin(t, "certs", "install")
	u.letta(t, "certs", "status")
	shell := u.shell(t)
	s.all(t, "installed", readers, nil, served)

	u.admin(t, "certs", "uninstall")
	u.admin(t, "certs", "uninstall") // a second time there is nothing to do, and that is no error
	s.all(t, "uninstalled", every, nil, honest(unknown))
	if string(bundle) != string(read(t, "/etc/ssl/certs/ca-certificates.crt")) {
		t.Error("the system's bundle is not what it was")
	}
	if left, err := os.ReadDir(authority); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%s is still there: %v, %v", authority, left, err)
	}
	s.all(t, "uninstalled, in a shell of before", told, shell, honest(unknown))
}

// A story has a user, the page that accepted servers show, and the clients.
type story struct {
	user    *user
	marker  string
	clients []client
}

// honest are the names under which the proxy is known.
func honest(want verdict) map[string]verdict {
	return map[string]verdict{"https://localhost:8283/": want, "https://letta.localhost:8283/": want, "https://sub.letta.localhost:8283/": want,
		"https://127.0.0.1:8283/": want, "https://[::1]:8283/": want}
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

// all has the clients with roots from those stores fetch the URLs, side by side. Before their commands stands before.
func (s *story) all(t *testing.T, hour string, stores []store, before []string, want map[string]verdict) {
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
