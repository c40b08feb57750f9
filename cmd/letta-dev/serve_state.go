package main

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"time"
)

// stateEvery is how often a serving process looks whether its state is still there.
const stateEvery = 200 * time.Millisecond

// keepState makes the state of the project again when it is gone, with its folder or alone, until ctx ends: without its lock and its
// control socket no other command would find this process, and its ports would stay taken. Where it cannot be made now, it may be later.
func (s *serving) keepState(ctx context.Context, control *control) {
	tick := time.NewTicker(stateEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			if err := s.relock(); err == nil {
				_ = control.listenAgain()
			}
		case <-ctx.Done():
			return
		}
	}
}

// relock takes the lock again where its file is gone or is another one.
func (s *serving) relock() error {
	held, err := s.lock.Stat()
	if err != nil {
		return err
	}
	there, err := os.Stat(s.lock.Path())
	if err == nil && os.SameFile(held, there) || err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := s.cfg.Files.makeState(); err != nil {
		return err
	}
	lock := lockOf(s.cfg.Files.liveLock(), s.cfg.Files.Owner)
	locked, err := lock.TryLock()
	if err != nil || !locked { // somebody looks whether it is free, or serves the project too
		return errors.Join(err, lock.Close())
	}
	_ = s.lock.Unlock() // nobody can come upon it any more
	s.lock = lock
	s.app.signLock(lock)
	s.journal.say("the state folder of the project was removed while letta-dev ran, and made again")
	if rec, err := s.cfg.Files.readRecord(); err != nil || rec.Folder != "" {
		return err // one that began meanwhile knows better
	}
	return s.cfg.Files.writeRecord(record{Folder: s.cfg.Folder, Engine: s.cfg.Engine})
}

// awaitState gives a serving process whose state was removed the time to make it again. Where letta-dev was never used there is none.
func (p paths) awaitState(ctx context.Context) {
	isThere := func(path string) bool { _, err := os.Stat(path); return err == nil }
	if !isThere(p.Certs) {
		return
	}
	tick, late := time.NewTicker(stateEvery/10), time.NewTimer(5*stateEvery/2)
	defer tick.Stop()
	defer late.Stop()
	for !isThere(p.liveLock()) {
		select {
		case <-tick.C:
		case <-late.C:
			return
		case <-ctx.Done():
			return
		}
	}
}
