package host

import (
	"errors"
	"fmt"
	"runtime"
	"syscall"
	"unsafe"
)

// Make calls f, which makes, changes or removes the file at path, with the rights of the owner alone. The file belongs to
// the owner afterwards.
func (o *Owner) Make(_ string, f func() error) error { return o.As(f) }

// As calls f with the owner's rights to files and no others, so that a symbolic link of the owner's leads root nowhere the
// owner could not go. Files that f makes belong to the owner. Commands that f runs are not affected: they have the rights
// given to them.
//
// Linux keeps these rights per thread (setfsuid(2)); changing the user also drops the capability to overrule file modes
// (capabilities(7)).
func (o *Owner) As(f func() error) error {
	if o == nil || syscall.Geteuid() != 0 {
		return f()
	}
	runtime.LockOSThread()
	if fsuid() == o.UID { // an outer call has done so
		defer runtime.UnlockOSThread()
		return f()
	}
	groups, err := syscall.Getgroups()
	if err == nil {
		err = setGroups([]int{o.GID})
	}
	if err != nil {
		runtime.UnlockOSThread()
		return &Error{Doing: "work with the rights of the user behind sudo", Err: err, Advice: "do it without sudo"}
	}
	defer func() {
		_ = syscall.Setfsuid(0) // the errors of these two say nothing; fsuid asks whether they worked
		_ = syscall.Setfsgid(syscall.Getegid())
		if setGroups(groups) == nil && fsuid() == 0 {
			runtime.UnlockOSThread()
		} // otherwise the thread ends with its goroutine, and with it the wrong rights
	}()
	_ = syscall.Setfsgid(o.GID)
	_ = syscall.Setfsuid(o.UID)
	if fsuid() != o.UID {
		return &Error{Doing: "work with the rights of the user behind sudo", Err: fmt.Errorf("user %d could not be taken on", o.UID), Advice: "do it without sudo"}
	}
	return f()
}

// fsuid returns the thread's user for files, by asking for an impossible change, as setfsuid(2) advises.
func fsuid() int {
	id, _, _ := syscall.RawSyscall(syscall.SYS_SETFSUID, ^uintptr(0), 0, 0)
	return int(id)
}

// setGroups changes the groups of this thread alone; syscall.Setgroups changes those of the process.
func setGroups(groups []int) error {
	ids := make([]uint32, len(groups)+1) // never empty
	for i, g := range groups {
		ids[i] = uint32(g)
	}
	_, _, errno := syscall.RawSyscall(syscall.SYS_SETGROUPS, uintptr(len(groups)), uintptr(unsafe.Pointer(&ids[0])), 0)
	if errno != 0 {
		return errors.Join(errors.New("changing the groups"), errno)
	}
	return nil
}
