package certs

import (
	"context"

	"github.com/letta-dev/letta-dev/certs/host"
)

// unsupported is a store this package knows of and cannot change: it says why, and what to do, to everything.
type unsupported struct {
	name string
	why  *host.Error
}

func (u *unsupported) Name() string { return u.name }

func (u *unsupported) Status(context.Context, Root) (Status, error) {
	return Status{State: Unavailable, Where: u.why.Path}, u.why
}

// Commands has nothing to remove: nothing was installed here.
func (u *unsupported) Commands(_ context.Context, action Action, _ Root) ([]host.Command, error) {
	if action == ToUninstall {
		return nil, nil
	}
	return nil, u.why
}

func (u *unsupported) Change(ctx context.Context, action Action, root Root) error {
	_, err := u.Commands(ctx, action, root)
	return err
}
