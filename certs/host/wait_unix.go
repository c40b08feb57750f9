//go:build unix

package host

import (
	"context"
	"errors"
	"os"
	"syscall"
	"time"
)

// LockFolder locks dir for a change of its content. While another process holds the lock it waits, up to half a minute, after
// one call of waits, which may be nil. Commands inherit the lock ([Command].Lock): those of a process that was killed hold it until they are done.
// If dir cannot be locked, the file and the error are nil.
func LockFolder(ctx context.Context, dir string, waits func(dir string)) (*os.File, error) {
	f, err := os.OpenFile(dir, os.O_RDONLY|syscall.O_DIRECTORY, 0)
	if err != nil {
		return nil, nil
	}
	ctx, cancel := context.WithTimeout(ctx, lockWait)
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
			_ = f.Close() // nothing was written to it
			if !errors.Is(ctx.Err(), context.DeadlineExceeded) {
				return nil, context.Cause(ctx)
			}
			return nil, &Error{Doing: "wait for another process that changes the trust store", Path: dir,
				Err: errors.New("it has not ended within " + lockWait.String()), Advice: "fuser -v " + Quote(dir) + "  # which it is"}
		case <-ticker.C:
		}
	}
}
