package truststore

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

	"github.com/letta-dev/letta-dev/certs"
	"github.com/letta-dev/letta-dev/certs/host"
)

// systemStore is the trust store of a Linux distribution: curl, git, wget, Python and Go read it.
type systemStore struct {
	env    host.Env
	layout layout
}

func newSystemStore(env host.Env) Store {
	if host.Exists(env.InRoot("/etc/NIXOS")) {
		return newNixStore(env)
	}
	if l, ok := findLayout(env); ok {
		return &systemStore{env: env, layout: l}
	}
	return &unsupported{name: "system", why: &host.Error{
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
	return host.LockFolder(ctx, s.env.InRoot(s.layout.anchors), s.env.Waits)
}

func (s *systemStore) Status(_ context.Context, root certs.Root) (Status, error) {
	status := Status{State: Absent, Known: ByBundle, Where: s.bundle()}
	data, err := host.ReadBounded(status.Where, host.MaxRoots)
	if err != nil {
		status.State = Unavailable
		return status, &host.Error{Doing: "read the system's trust store", Err: err, Advice: "sudo " + s.layout.update[0]}
	}
	present, others := root.Find(data)
	anchors, err := s.anchors(root)
	switch {
	case present:
		status.State = Trusted
	case slices.Contains(anchors, s.anchor(root)):
		status.State = Partial
	}
	status.Stale, status.Other = root.Divide(others)
	return status, err
}

func (s *systemStore) Commands(ctx context.Context, action Action, root certs.Root) ([]host.Command, error) {
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
	return []host.Command{reading(root, host.Command{Argv: put, NeedsRoot: s.env.LacksRoot()}), update}, nil
}

// removal returns what takes away every claimed root that is in the folder or, its file lost, still in the bundle.
func (s *systemStore) removal(root certs.Root, status Status) ([]host.Command, error) {
	anchors, err := s.anchors(root)
	if shared := s.shared(root); err == nil && len(anchors) == 0 && shared != "" {
		return nil, &host.Error{Doing: "take our root out of the system's trust store", Path: shared,
			Err: errors.New("the file holds more than it, which is not ours to delete"), Advice: "sudoedit " + host.Quote(shared)}
	}
	if err != nil || len(anchors) == 0 && len(status.Stale) == 0 && status.State != Trusted {
		return nil, err
	}
	update, err := s.tool(s.layout.refresh)
	switch {
	case err != nil:
		return nil, err
	case len(anchors) == 0:
		return []host.Command{update}, nil
	}
	remove := host.Command{Argv: append([]string{"rm", "-f", "--"}, anchors...), NeedsRoot: s.env.LacksRoot()}
	return []host.Command{remove, update}, nil
}

func (s *systemStore) Change(ctx context.Context, action Action, root certs.Root) error {
	return perform(ctx, s, s.env, action, root)
}

// tool returns the command that makes the bundle.
func (s *systemStore) tool(argv []string) (host.Command, error) {
	path, ok := s.env.Find(argv[0])
	if !ok {
		return host.Command{}, &host.Error{Doing: "change the system's trust store", Err: fmt.Errorf("%s is not installed", argv[0]),
			Advice: "sudo " + s.layout.installer + " ca-certificates"}
	}
	return host.Command{Argv: append([]string{path}, argv[1:]...), NeedsRoot: s.env.LacksRoot()}, nil
}

// anchor returns the file of a root in the folder of anchors, as mkcert would call it.
func (s *systemStore) anchor(root certs.Root) string {
	if root.Certificate == nil {
		return ""
	}
	return s.env.InRoot(s.layout.anchors, root.FileName()+s.layout.extension)
}

// anchors returns the files that hold claimed roots and nothing else, whatever they are called, and those of mkcert's
// roots that we have put there.
func (s *systemStore) anchors(root certs.Root) ([]string, error) {
	dir := s.env.InRoot(s.layout.anchors)
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, &host.Error{Doing: "read the system's trust store", Err: err, Advice: "ls -ld " + host.Quote(dir)}
	}
	var found []string
	for _, entry := range entries {
		path := filepath.Join(dir, entry.Name())
		data, err := host.ReadBounded(path, host.MaxPEM)
		if err != nil {
			continue // a folder or a pipe, or not ours to read; ours are open to all
		}
		if bytes.Count(data, []byte("-----BEGIN")) != 1 {
			continue
		}
		c, err := x509.ParseCertificate(soleCertificate(data))
		if lent := strings.HasPrefix(entry.Name(), certs.FileName(certs.Borrowed)); err == nil && (certs.IsOurs(c) || lent) && root.Claims(c) {
			found = append(found, path)
		}
	}
	return found, nil
}

// shared returns a file of the folder of anchors that holds a root of ours and more, such as a key or another's root.
func (s *systemStore) shared(root certs.Root) string {
	dir := s.env.InRoot(s.layout.anchors)
	entries, _ := os.ReadDir(dir) // anchors has read it
	for _, entry := range entries {
		path := filepath.Join(dir, entry.Name())
		data, err := host.ReadBounded(path, host.MaxPEM)
		if err != nil || filepath.Ext(path) != s.layout.extension || bytes.Count(data, []byte("-----BEGIN")) == 1 {
			continue
		}
		present, others := root.Find(data)
		if claimed, _ := root.Divide(others); present || len(claimed) > 0 {
			return path
		}
	}
	return ""
}

// bundle returns the file clients read.
func (s *systemStore) bundle() string {
	for _, path := range s.layout.bundles {
		if host.Exists(s.env.InRoot(path)) {
			return s.env.InRoot(path)
		}
	}
	return s.env.InRoot(s.layout.bundles[0])
}

// prove asks curl with the system's bundle, or the TLS client of Go where there is none.
func (s *systemStore) prove(ctx context.Context, p *proof) (verdict, error) {
	curl, ok := s.env.Find("curl")
	if !ok {
		return s.proveHere(ctx, p)
	}
	v := verdict{"curl", ByHandshake}
	answer, err := s.env.Do(ctx, host.Command{As: s.env.Owner, Limit: host.LookLimit, Argv: []string{
		curl, "-q", "--silent", "--show-error", "--fail", "--noproxy", "*", "--max-time", "5",
		"--cacert", s.bundle(), "--resolve", proofHost + ":" + p.port + ":127.0.0.1", p.url()}})
	if err != nil {
		return v, err
	}
	return v, p.confirm("curl", answer)
}

func (s *systemStore) proveHere(ctx context.Context, p *proof) (verdict, error) {
	bundle, err := host.ReadBounded(s.bundle(), host.MaxRoots)
	if err != nil {
		return verdict{"letta-dev", ByHandshake}, err
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(bundle)
	return p.get(ctx, roots)
}
