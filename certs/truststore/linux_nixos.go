package truststore

import (
	"context"
	"errors"

	"github.com/letta-dev/letta-dev/certs"
	"github.com/letta-dev/letta-dev/certs/host"
)

// nixStore is the store of a NixOS: a bundle like another's, which the system's configuration alone can change.
type nixStore struct{ systemStore }

func newNixStore(env host.Env) *nixStore {
	return &nixStore{systemStore{env: env, layout: layout{bundles: []string{"/etc/ssl/certs/ca-certificates.crt", "/etc/ssl/certs/ca-bundle.crt"}}}}
}

func (n *nixStore) Status(_ context.Context, root certs.Root) (Status, error) {
	status := Status{State: Unavailable, Known: ByBundle, Where: n.bundle()}
	data, err := host.ReadBounded(status.Where, host.MaxRoots)
	if err != nil {
		return status, &host.Error{Doing: "read the system's trust store", Err: err, Advice: "sudo nixos-rebuild switch"}
	}
	present, others := root.Find(data)
	status.Stale, status.Other = root.Divide(others)
	if present {
		status.State = Trusted
		return status, nil
	}
	return status, configure("take the root in", `sudoedit /etc/nixos/configuration.nix && sudo nixos-rebuild switch  # add: security.pki.certificateFiles = [ "`+root.Path+`" ];`)
}

// Commands has none: the error says what to write where.
func (n *nixStore) Commands(ctx context.Context, action Action, root certs.Root) ([]host.Command, error) {
	status, err := n.Status(ctx, root)
	switch {
	case action == ToInstall:
		return nil, err
	case status.State != Trusted && len(status.Stale) == 0:
		return nil, nil
	}
	return nil, configure("take the root out", "sudoedit /etc/nixos/configuration.nix && sudo nixos-rebuild switch  # remove it from security.pki.certificateFiles")
}

func (n *nixStore) Change(ctx context.Context, action Action, root certs.Root) error {
	_, err := n.Commands(ctx, action, root)
	return err
}

func configure(doing, advice string) error {
	return &host.Error{Doing: doing, Err: errors.New("NixOS takes its trusted roots from its configuration alone"), Advice: advice}
}
