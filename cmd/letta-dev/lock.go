package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/gofrs/flock"

	"github.com/letta-dev/letta-dev/certs/host"
)

// A project has two locks: one for the command that changes it, and one for the process that serves it. Beside each stands who has it,
// for those who wait.

// fileLock is the lock of a file of ours, which is made for its owner (nil: this process's user).
type fileLock struct {
	*flock.Flock
	owner *host.Owner
}

// lockOf is the lock of a file. A pipe in its place makes nobody wait and locks as well; a link is an error.
func lockOf(path string, owner *host.Owner) *fileLock {
	return &fileLock{flock.New(path, flock.SetFlag(os.O_RDONLY|os.O_CREATE|itself)), owner}
}

// TryLock gets the lock where nobody has it.
func (l *fileLock) TryLock() (held bool, err error) {
	err = l.owner.Make(l.Path(), func() (err error) {
		held, err = l.Flock.TryLock()
		return err
	})
	return held, err
}

// holder is the process that has a lock.
type holder struct {
	PID     int    `json:"pid"`
	Command string `json:"command"`
}

func holderFile(lock string) string { return lock + ".holder" }

// signLock says beside a lock that this process has it. Where that cannot be written, the others wait for somebody without a name.
func (a *app) signLock(lock *fileLock) {
	b, err := json.Marshal(holder{os.Getpid(), a.command})
	if err != nil {
		return
	}
	file, err := open(holderFile(lock.Path()), os.O_WRONLY|os.O_TRUNC, lock.owner)
	if err != nil {
		return
	}
	_, _ = file.Write(b)
	_ = file.Close()
}

// unlockSigned lets a lock go. An unlock that fails ends with the process.
func unlockSigned(lock *fileLock) error {
	signed := holderFile(lock.Path())
	_ = lock.owner.Make(signed, func() error { return os.Remove(signed) }) // before another can sign
	return lock.Unlock()
}

// holderOf is who has a lock; the zero holder where that is not known.
func holderOf(lock string) (h holder) {
	file, err := os.OpenFile(holderFile(lock), os.O_RDONLY|itself, 0)
	if err != nil {
		return h
	}
	defer file.Close()
	if err := json.NewDecoder(io.LimitReader(file, 1<<10)).Decode(&h); err != nil || h.PID <= 0 {
		return holder{}
	}
	return h
}

// suspended says that the process was stopped, as Ctrl-Z does it.
func (h holder) suspended() bool { return h.PID > 0 && isSuspended(h.PID) }

func (h holder) String() string {
	switch {
	case h.PID == 0:
		return "another letta-dev"
	case h.Command == serveCommand:
		return fmt.Sprintf("the background process (pid %d)", h.PID)
	}
	return fmt.Sprintf("`letta-dev %s` (pid %d)", h.Command, h.PID)
}

// advice is what makes the process let go.
func (h holder) advice() string {
	kill := "kill"
	if h.PID > 0 && isAnothers(h.PID) {
		kill = "sudo kill"
	}
	switch {
	case h.PID == 0:
		return "pgrep -af letta-dev  # one of these has it; to end it: kill PID"
	case h.suspended():
		return fmt.Sprintf("%s -CONT %d  # or fg in its terminal", kill, h.PID)
	}
	return fmt.Sprintf("%s %d  # ends it", kill, h.PID)
}

// defaultWait is how long a command waits for another, where no flag says it.
const defaultWait = 3 * time.Minute

// The pauses between two tries, and between two looks at the one that is waited for: the first is soon enough to name a suspended
// process at once, and late enough for one that has just got the lock to sign it.
const (
	tryEvery  = 50 * time.Millisecond
	lookEvery = 500 * time.Millisecond
)

// waitLock gets a lock that another process has, within patience. It says for whom it waits, and when that one is suspended.
func (a *app) waitLock(ctx context.Context, lock *fileLock, what string, patience time.Duration) error {
	return a.waitHolder(ctx, lock.Path(), what, patience, lock.TryLock)
}

// waitHolder tries until it succeeds, while another process has a lock.
func (a *app) waitHolder(ctx context.Context, lock, what string, patience time.Duration, try func() (bool, error)) error {
	tick, look, late := time.NewTicker(tryEvery), time.NewTicker(lookEvery), time.NewTimer(patience)
	defer tick.Stop()
	defer look.Stop()
	defer late.Stop()
	said := ""
	for {
		if done, err := try(); done || err != nil {
			return err
		}
		select {
		case <-tick.C:
		case <-look.C:
			h := holderOf(lock)
			words := fmt.Sprintf("%s %s; waiting for it", h, what)
			if h.suspended() {
				words = fmt.Sprintf("%s %s and is suspended; to have it go on: %s", h, what, h.advice())
			}
			if words != said {
				a.ui.note("%s", words)
				said = words
			}
		case <-late.C:
			return &lockedError{holderOf(lock), what, patience}
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// lockedError says that another process did not let a lock go in time.
type lockedError struct {
	holder holder
	what   string
	waited time.Duration
}

func (e *lockedError) Error() string {
	state := ""
	if e.holder.suspended() {
		state = " and is suspended"
	}
	return fmt.Sprintf("%s %s%s; waited %s for it", e.holder, e.what, state, e.waited)
}

// Hint makes it let go.
func (e *lockedError) Hint() string { return e.holder.advice() }
