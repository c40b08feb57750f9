package certs

import (
	"bytes"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// systemStore is the trust store of a Linux distribution: curl, git, wget, Python and Go read it.
type systemStore struct {
	env    Env
	layout layout
}

func newSystemStore(env Env) Store {
	if exists(env.path("/etc/NIXOS")) {
		return newNixStore(env)
	}
	if l, ok := env.layout(); ok {
		return &systemStore{env: env, layout: l}
	}
	return &unsupported{name: "system", why: &Error{
		Doing:  "find the system's trust store",
		Err:    errors.New("this system keeps it in a way that is not supported"),
		Advice: "letta-dev run -- COMMAND  # trusts us without the store, one program at a time",
	}}
}

func (s *systemStore) Name() string { return "system" }

func (s *systemStore) turn(ctx context.Context) (*os.File, error) {
	if s.layout.anchors == "" { // NixOS
		return nil, nil
	}
	return takeTurn(ctx, s.env.path(s.layout.anchors), s.env.Waits)
}

func (s *systemStore) Status(_ context.Context, root Root) (Status, error) {
	status := Status{State: Absent, Known: ByBundle, Where: s.bundle()}
	data, err := readBounded(status.Where, maxRoots)
	if err != nil {
		status.State = Unavailable
		return status, &Error{Doing: "read the system's trust store", Err: err, Advice: "sudo " + s.layout.update[0]}
	}
	present, others := root.sorted(data)
	anchors, err := s.anchors(root)
	switch {
	case present:
		status.State = Trusted
	case slices.Contains(anchors, s.anchor(root)):
		status.State = Partial
	}
	status.Stale, status.Other = root.claimed(others)
	return status, err
}

func (s *systemStore) Commands(ctx context.Context, action Action, root Root) ([]Command, error) {
	status, err := s.Status(ctx, root)
	if action == ToUninstall {
		return s.removal(root, status)
	}
	if err != nil || status.State == Trusted {
		return nil, err
	}
	update, err := s.tool(s.layout.update)
	if err != nil {
		return nil, err
	}
	put := []string{"install", "-m", "0644", "/dev/stdin", s.anchor(root)} // root may be unable to read a user's home
	return []Command{root.into(Command{Argv: put, NeedsRoot: s.env.lacksRoot()}), update}, nil
}

// removal returns what takes away every claimed root that is in the folder or, its file lost, still in the bundle.
func (s *systemStore) removal(root Root, status Status) ([]Command, error) {
	anchors, err := s.anchors(root)
	if shared := s.shared(root); err == nil && len(anchors) == 0 && shared != "" {
		return nil, &Error{Doing: "take our root out of the system's trust store", Path: shared,
			Err: errors.New("the file holds more than it, which is not ours to delete"), Advice: "sudoedit " + quote(shared)}
	}
	if err != nil || len(anchors) == 0 && len(status.Stale) == 0 && status.State != Trusted {
		return nil, err
	}
	update, err := s.tool(s.layout.refresh)
	switch {
	case err != nil:
		return nil, err
	case len(anchors) == 0:
		return []Command{update}, nil
	}
	remove := Command{Argv: append([]string{"rm", "-f", "--"}, anchors...), NeedsRoot: s.env.lacksRoot()}
	return []Command{remove, update}, nil
}

func (s *systemStore) Change(ctx context.Context, action Action, root Root) error {
	return perform(ctx, s, s.env, action, root)
}

// tool returns the command that makes the bundle.
func (s *systemStore) tool(argv []string) (Command, error) {
	path, ok := s.env.find(argv[0])
	if !ok {
		return Command{}, &Error{Doing: "change the system's trust store", Err: fmt.Errorf("%s is not installed", argv[0]),
			Advice: "sudo " + s.layout.installer + " ca-certificates"}
	}
	return Command{Argv: append([]string{path}, argv[1:]...), NeedsRoot: s.env.lacksRoot()}, nil
}

// anchor returns the file of a root in the folder of anchors, as mkcert would call it.
func (s *systemStore) anchor(root Root) string {
	if root.Certificate == nil {
		return ""
	}
	return s.env.path(s.layout.anchors, root.fileName()+s.layout.extension)
}

// anchors returns the files that hold claimed roots and nothing else, whatever they are called, and those of mkcert's
// roots that we have put there.
func (s *systemStore) anchors(root Root) ([]string, error) {
	dir := s.env.path(s.layout.anchors)
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, &Error{Doing: "read the system's trust store", Err: err, Advice: "ls -ld " + quote(dir)}
	}
	var found []string
	for _, entry := range entries {
		path := filepath.Join(dir, entry.Name())
		data, err := readBounded(path, maxPEM)
		if err != nil {
			continue // a folder or a pipe, or not ours to read; ours are open to all
		}
		if bytes.Count(data, []byte("-----BEGIN")) != 1 {
			continue
		}
		c, err := x509.ParseCertificate(soleCertificate(data))
		if lent := strings.HasPrefix(entry.Name(), asFileName(borrowed)); err == nil && (ours(c) || lent) && root.claims(c) {
			found = append(found, path)
		}
	}
	return found, nil
}

// shared returns a file of the folder of anchors that holds a root of ours and more, such as a key or another's root.
func (s *systemStore) shared(root Root) string {
	dir := s.env.path(s.layout.anchors)
	entries, _ := os.ReadDir(dir) // anchors has read it
	for _, entry := range entries {
		path := filepath.Join(dir, entry.Name())
		data, err := readBounded(path, maxPEM)
		if err != nil || filepath.Ext(path) != s.layout.extension || bytes.Count(data, []byte("-----BEGIN")) == 1 {
			continue
		}
		present, others := root.sorted(data)
		if claimed, _ := root.claimed(others); present || len(claimed) > 0 {
			return path
		}
	}
	return ""
}

// bundle returns the file clients read.
func (s *systemStore) bundle() string {
	for _, path := range s.layout.bundles {
		if exists(s.env.path(path)) {
			return s.env.path(path)
		}
	}
	return s.env.path(s.layout.bundles[0])
}
