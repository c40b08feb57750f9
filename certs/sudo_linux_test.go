package certs

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/letta-dev/letta-dev/certs/certstest"
	"github.com/letta-dev/letta-dev/certs/host"
)

// Under sudo a link in the caller's home leads root nowhere the caller could not go: nothing is made there, given away or read.
func TestUnderSudoLinksLeadNowhere(t *testing.T) {
	for name, tc := range map[string]struct {
		link string // in the home, to a place of root's
		do   func(host.Env) error
	}{
		"the folder above": {".local", func(env host.Env) error { return openIn(env, ".local/share/letta-dev/certs") }},
		"the data folder":  {"data", func(env host.Env) error { return openIn(env, "data/certs") }},
		"the lock":         {".certs.lock", func(env host.Env) error { return openIn(env, "certs") }},
		"a folder for create": {"out", func(env host.Env) error {
			a, _, err := Open(env.InHome("certs"), Options{Owner: env.Owner})
			certstest.Must(t, err)
			_, err = a.Create(Names{"localhost"}, CreateOptions{Dir: env.InHome("out"), OwnerOf: env.OwnerOf})
			return err
		}},
	} {
		t.Run(name, func(t *testing.T) {
			env := certstest.UnderSudo(t)
			place := filepath.Join(t.TempDir(), "of-roots")
			certstest.Must(t, os.Mkdir(place, 0o755))
			to := place
			if strings.HasSuffix(tc.link, ".lock") {
				to = filepath.Join(place, "nologin")
			}
			certstest.Must(t, os.Symlink(to, env.InHome(tc.link)))
			if err := tc.do(env); !errors.Is(err, fs.ErrPermission) && (err == nil || !strings.Contains(err.Error(), "it is a symbolic link")) {
				t.Errorf("got %v, want that it is not permitted, or not followed", err)
			}
			entries, err := os.ReadDir(place)
			if err != nil || len(entries) > 0 {
				t.Errorf("root made %v there, %v", entries, err)
			}
		})
	}
}

func openIn(env host.Env, dir string) error {
	_, _, err := Open(env.InHome(dir), Options{Owner: env.OwnerOf(env.InHome(dir))})
	return err
}
