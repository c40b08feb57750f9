package host_test

import (
	"errors"
	"runtime"
	"sync"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/letta-dev/letta-dev/certs/certstest"
	"github.com/letta-dev/letta-dev/certs/host"
)

// The other rights last for the call alone, also where calls are nested and many, and on no other thread.
func TestRightsComeBack(t *testing.T) {
	env := certstest.UnderSudo(t)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 50 {
				_ = env.Owner.As(func() error {
					if err := env.Owner.As(func() error { return nil }); err != nil {
						t.Error(err)
					}
					if got := threadUser(t); got != env.Owner.UID {
						t.Errorf("inside: user %d", got)
					}
					runtime.Gosched()
					return nil
				})
				runtime.LockOSThread()
				if got := threadUser(t); got != 0 {
					t.Errorf("afterwards: user %d", got)
				}
				runtime.UnlockOSThread()
			}
		})
	}
	all.Wait()
	groups, err := syscall.Getgroups()
	certstest.Must(t, err)
	if len(groups) == 1 && groups[0] == env.Owner.GID {
		t.Error("the groups are the user's still")
	}
	var said *host.Error
	if err := (*host.Owner)(nil).As(func() error { return &host.Error{} }); !errors.As(err, &said) {
		t.Error("nobody's rights are not one's own")
	}
}

// threadUser is the user whose rights to files this thread has: setfsuid(2) tells it when the change that is asked for is impossible.
func threadUser(t *testing.T) int {
	id, err := unix.SetfsuidRetUid(-1)
	if err != nil {
		t.Error(err)
	}
	return id
}
