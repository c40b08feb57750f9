package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/letta-dev/letta-dev/certs"
	"github.com/letta-dev/letta-dev/certs/host"
	"github.com/letta-dev/letta-dev/certs/truststore"
)

// printCommands is the dry run: the exact commands, a line each.
func (a *app) printCommands(ctx context.Context, action truststore.Action, files paths, stores []truststore.Store, env host.Env, claim certs.Claim) error {
	type line struct {
		Store    string   `json:"store"`
		Commands []string `json:"commands"`
		Error    string   `json:"error,omitempty"`
	}
	root, err := a.rootFor(action, files, claim)
	if err != nil {
		return err
	}
	lines := []line{}
	for _, s := range stores {
		l := line{Store: s.Name(), Commands: []string{}}
		commands, err := s.Commands(ctx, action, root)
		if err != nil {
			l.Error = err.Error()
		}
		for _, c := range commands {
			l.Commands = append(l.Commands, c.String())
		}
		lines = append(lines, l)
	}
	if action == truststore.ToUninstall {
		a.noteDeletion(files, leftOut(ctx, env, root, stores))
	}
	return a.ui.verbatim("certs "+string(action), lines, func(w io.Writer) {
		for _, l := range lines {
			for _, c := range l.Commands {
				fmt.Fprintln(w, printableLines(c))
			}
			if len(l.Commands) == 0 && l.Error == "" {
				fmt.Fprintf(w, "# %s: nothing to do\n", l.Store)
			}
			if l.Error != "" {
				fmt.Fprintf(w, "# %s: %s\n", l.Store, printable(l.Error))
			}
		}
	})
}

// noteDeletion says which folders uninstalling would delete, and what stays.
func (a *app) noteDeletion(files paths, leftOut string) {
	if authority, _, err := a.loadAuthority(files); err == nil && authority.Mkcert() {
		a.ui.note("mkcert's CA would stay as it is, in the stores too")
	}
	if leftOut != "" {
		a.ui.note("the keys would stay: TRUST_STORES leaves out the %s store, which may still trust them", leftOut)
		return
	}
	for _, dir := range []string{files.Certs, files.roots()} {
		if _, err := os.Lstat(dir); err == nil {
			a.ui.note("this folder of ours would be deleted: %s", dir)
		}
	}
}

// rootFor is the root that a dry run is about: none where there is none of ours to remove, and mkcert's is not. Where there is none yet to
// install, one takes its place that nobody keeps.
func (a *app) rootFor(action truststore.Action, files paths, claim certs.Claim) (certs.Root, error) {
	if action == truststore.ToUninstall {
		return claim.Root(), nil
	}
	authority, _, err := a.loadAuthority(files)
	switch {
	case err == nil:
		return authority.Root(), nil
	case !errors.Is(err, fs.ErrNotExist):
		return certs.Root{}, err
	}
	passing, err := a.passingAuthority()
	if err != nil {
		return certs.Root{}, err
	}
	a.ui.note("there is no authority yet; install makes it first, and the number in its name will be another")
	return rootIn(files, passing), nil
}

// passingAuthority is one that nobody keeps.
func (a *app) passingAuthority() (*certs.Authority, error) {
	dir, err := os.MkdirTemp("", "letta-dev-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	passing, _, _, err := a.authority(paths{Certs: filepath.Join(dir, "certs")})
	return passing, err
}

// rootIn is the root of a passing authority as it would be in the place of the one that is kept.
func rootIn(files paths, passing *certs.Authority) certs.Root {
	root := passing.Root()
	root.Path = filepath.Join(files.Certs, filepath.Base(root.Path))
	return root
}
