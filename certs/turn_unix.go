//go:build unix

package certs

import (
	"context"
	"errors"
	"os"
	"syscall"
	"time"
)

// takeTurn locks a folder for a change of what is in it, and waits while another process has it, which waits, if not
// nil, is told. Commands inherit the lock: those of a process that was killed hold it until they are done. Where the
// folder cannot be locked there is no turn, and no error.
func takeTurn(ctx context.Context, dir string, waits func(dir string)) (*os.File, error) {
	f, err := os.OpenFile(dir, os.O_RDONLY|syscall.O_DIRECTORY, 0)
	if err != nil {
		return nil, nil
	}
	ctx, cancel := context.WithTimeout(ctx, turnLimit)
	defer cancel()
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	for {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		switch {
		case err == nil:
			return f, nil
		case !errors.Is(err, syscall.EWOULDBLOCK) && !errors.Is(err, syscall.EINTR):
			return nil, f.Close()
		}
		if waits != nil {
			waits(dir)
			waits = nil
		}
		select {
		case <-ctx.Done():
			_ = f.Close() // nothing was written
			if !errors.Is(ctx.Err(), context.DeadlineExceeded) {
				return nil, context.Cause(ctx)
			}
			return nil, &Error{Doing: "wait for another process that changes the trust store", Path: dir,
				Err: errors.New("it has not ended within " + turnLimit.String()), Advice: "fuser -v " + quote(dir) + "  # which it is"}
		case <-ticker.C:
		}
	}
}
