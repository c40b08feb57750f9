package certs

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
)

// Under sudo a link in the caller's home leads root nowhere the caller could not go: nothing is made there, given away or read.
func TestUnderSudoLinksLeadNowhere(t *testing.T) {
	for name, tc := range map[string]struct {
		link string // in the home, to a place of root's
		do   func(Env) error
	}{
		"the folder above": {".local", func(env Env) error { return openIn(env, ".local/share/letta-dev/certs") }},
		"the data folder":  {"data", func(env Env) error { return openIn(env, "data/certs") }},
		"the lock":         {".certs.lock", func(env Env) error { return openIn(env, "certs") }},
		"the files of the variables": {"share", func(env Env) error {
			_, _, err := Variables(t.Context(), env, Root{}, VariableOptions{Dir: env.home("share/roots"), Within: env.Home, Getenv: func(string) string { return "" }})
			return err
		}},
		"a folder for create": {"out", func(env Env) error {
			a, _, err := Open(env.home("certs"), Options{Owner: env.Owner})
			must(t, err)
			_, err = a.Create(Names{"localhost"}, CreateOptions{Dir: env.home("out"), OwnerOf: env.OwnerOf})
			return err
		}},
	} {
		t.Run(name, func(t *testing.T) {
			env := behindSudo(t)
			place := filepath.Join(t.TempDir(), "of-roots")
			must(t, os.Mkdir(place, 0o755))
			to := place
			if strings.HasSuffix(tc.link, ".lock") {
				to = filepath.Join(place, "nologin")
			}
			must(t, os.Symlink(to, env.home(tc.link)))
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

func openIn(env Env, dir string) error {
	_, _, err := Open(env.home(dir), Options{Owner: env.OwnerOf(env.home(dir))})
	return err
}

// What only root may read does not get into a file of the caller's.
func TestUnderSudoSettingsAreReadByTheirOwner(t *testing.T) {
	env := behindSudo(t)
	secret := filepath.Join(t.TempDir(), "shadow")
	write(t, secret, 0o600, "root:secret\n")
	must(t, os.Symlink(secret, env.home(".wgetrc")))
	a, _, err := Open(env.home("certs"), Options{Owner: env.Owner})
	must(t, err)
	_, problems, err := Variables(t.Context(), env, a.Root(), VariableOptions{Dir: env.home("roots"), Within: env.Home, Getenv: func(string) string { return "" }})
	must(t, err)
	said := false
	for _, p := range problems {
		said = said || strings.Contains(p.Error(), "WGETRC")
	}
	if !said {
		t.Errorf("nothing is said of the settings that could not be read: %v", problems)
	}
	must(t, filepath.WalkDir(env.Home, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() && strings.Contains(string(read(t, path)), "secret") {
			t.Errorf("%s holds it", path)
		}
		return err
	}))
}

// The other rights last for the call alone, also where calls are nested and many, and on no other thread.
func TestRightsComeBack(t *testing.T) {
	env := behindSudo(t)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 50 {
				_ = env.Owner.as(func() error {
					if err := env.Owner.as(func() error { return nil }); err != nil {
						t.Error(err)
					}
					if got := fsuid(); got != env.Owner.UID {
						t.Errorf("inside: user %d", got)
					}
					runtime.Gosched()
					return nil
				})
				runtime.LockOSThread()
				if got := fsuid(); got != 0 {
					t.Errorf("afterwards: user %d", got)
				}
				runtime.UnlockOSThread()
			}
		})
	}
	all.Wait()
	groups, err := syscall.Getgroups()
	must(t, err)
	if len(groups) == 1 && groups[0] == env.Owner.GID {
		t.Error("the groups are the user's still")
	}
	var said *Error
	if err := (*Owner)(nil).as(func() error { return &Error{} }); !errors.As(err, &said) {
		t.Error("nobody's rights are not one's own")
	}
}
