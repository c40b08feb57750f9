package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/letta-dev/letta-dev/compose"
	"github.com/letta-dev/letta-dev/proxy"
	"github.com/letta-dev/letta-dev/proxy/listen"
)

// listen binds the addresses of a configuration: all of them, or none. Of an optional one that this user may not bind, the bound address
// says so.
func (a *app) listen(ctx context.Context, cfg serveConfig) (listeners []proxy.Listener, bound []boundAddress, err error) {
	inherited, err := listen.Inherited()
	if err != nil {
		return nil, nil, err
	}
	config := listen.Config{AllowNonLoopback: cfg.ExposeLAN, Inherited: inherited}
	defer func() {
		if err != nil {
			closeAll(listeners)
		}
	}()
	for _, want := range cfg.Listeners {
		b, err := config.Listen(ctx, want.Address)
		var denied *listen.PrivilegeError
		if want.Optional && errors.As(err, &denied) {
			bound = append(bound, boundAddress{Address: want.Address, Port: int(denied.Addr.Port()), Missing: err.Error(), Hint: denied.Hint()})
			continue
		}
		if err != nil {
			return listeners, nil, fmt.Errorf("opening port %s: %w", want.Address, a.nameHolder(err))
		}
		for _, l := range b.Listeners {
			listeners = append(listeners, proxy.Listener{Listener: l, WebSocket: want.WebSocket})
			bound = append(bound, boundAddress{Address: l.Addr().String(), Port: b.Port, WebSocket: want.WebSocket})
		}
	}
	return listeners, bound, nil
}

// nameHolder adds to the error of a port that another project of ours holds which one that is, and how to end it.
func (a *app) nameHolder(err error) error {
	var taken *listen.PortInUseError
	if !errors.As(err, &taken) || taken.Holder == nil || taken.Holder.User != "" {
		return err
	}
	state := servedState(taken.Holder.PID)
	if compose.CheckName(filepath.Base(state)) != nil {
		return err
	}
	return &heldByProjectError{err, filepath.Base(state), a.commandThere("down", state)}
}

// heldByProjectError says that the letta-dev of another project holds a port.
type heldByProjectError struct {
	error
	project string
	down    string // the command that ends it
}

func (e *heldByProjectError) Error() string {
	return fmt.Sprintf("%v for project %q", e.error, e.project)
}
func (e *heldByProjectError) Unwrap() error { return e.error }

// Hint ends the other project.
func (e *heldByProjectError) Hint() string { return e.down }

// servedState is the state folder of the project that a process serves, whose live lock the process keeps open; empty where that cannot
// be known: only Linux shows the files of a process (proc(5)), and only to its user and root.
func servedState(pid int) string {
	files, _ := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", pid))
	for _, file := range files {
		path, err := os.Readlink(file)
		if state := filepath.Dir(path); err == nil && path == (paths{State: state}).liveLock() && filepath.Base(filepath.Dir(state)) == "letta-dev" {
			return state
		}
	}
	return ""
}

// commandThere is a command about the project of a state folder. One that is not where this shell has it is named with its variable.
func (a *app) commandThere(command, state string) string {
	all := filepath.Dir(state)
	there := "letta-dev " + command + " --project " + filepath.Base(state)
	if ours, err := a.folder("XDG_STATE_HOME", ".local/state"); err != nil || ours != all {
		there = "XDG_STATE_HOME=" + quoted(filepath.Dir(all)) + " " + there
	}
	return there
}
