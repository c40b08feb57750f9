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
		"the files of the variables": {"share", func(env host.Env) error {
			_, _, err := Variables(t.Context(), env, Root{}, VariableOptions{Dir: env.InHome("share/roots"), Within: env.Home, Getenv: func(string) string { return "" }})
			return err
		}},
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

// What only root may read does not get into a file of the caller's.
func TestUnderSudoSettingsAreReadByTheirOwner(t *testing.T) {
	env := certstest.UnderSudo(t)
	secret := filepath.Join(t.TempDir(), "shadow")
	certstest.Write(t, secret, 0o600, "root:secret\n")
	certstest.Must(t, os.Symlink(secret, env.InHome(".wgetrc")))
	a, _, err := Open(env.InHome("certs"), Options{Owner: env.Owner})
	certstest.Must(t, err)
	_, problems, err := Variables(t.Context(), env, a.Root(), VariableOptions{Dir: env.InHome("roots"), Within: env.Home, Getenv: func(string) string { return "" }})
	certstest.Must(t, err)
	said := false
	for _, p := range problems {
		said = said || strings.Contains(p.Error(), "WGETRC")
	}
	if !said {
		t.Errorf("nothing is said of the settings that could not be read: %v", problems)
	}
	certstest.Must(t, filepath.WalkDir(env.Home, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() && strings.Contains(string(certstest.Read(t, path)), "secret") {
			t.Errorf("%s holds it", path)
		}
		return err
	}))
}
