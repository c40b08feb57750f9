package certs

import (
	"errors"
	"fmt"
	"runtime"
	"syscall"
	"unsafe"
)

// Make has f make, change or remove what is at path, which is the owner's after it, with the owner's rights alone.
func (o *Owner) Make(_ string, f func() error) error { return o.as(f) }

// as has f run with the owner's rights to files, and no others: a link of theirs in the way of a file of ours leads
// root nowhere they could not go themselves. What f makes is the owner's. Commands that f runs are not meant: they have
// the rights they are given.
//
// Linux keeps these rights per thread (setfsuid(2)), and with the user goes the right to overrule modes (capabilities(7)).
func (o *Owner) as(f func() error) error {
	if o == nil || syscall.Geteuid() != 0 {
		return f()
	}
	runtime.LockOSThread()
	if fsuid() == o.UID { // an outer call has seen to it
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
		_ = syscall.Setfsuid(0) // these two have no errors worth the name: fsuid asks whether they did it
		_ = syscall.Setfsgid(syscall.Getegid())
		if setGroups(groups) == nil && fsuid() == 0 {
			runtime.UnlockOSThread()
		} // else the thread ends with its goroutine, and so do the wrong rights
	}()
	_ = syscall.Setfsgid(o.GID)
	_ = syscall.Setfsuid(o.UID)
	if fsuid() != o.UID {
		return &Error{Doing: "work with the rights of the user behind sudo", Err: fmt.Errorf("user %d could not be taken on", o.UID), Advice: "do it without sudo"}
	}
	return f()
}

// fsuid asks by an impossible change, as setfsuid(2) advises.
func fsuid() int {
	id, _, _ := syscall.RawSyscall(syscall.SYS_SETFSUID, ^uintptr(0), 0, 0)
	return int(id)
}

// setGroups changes those of this thread alone, unlike package syscall's.
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
