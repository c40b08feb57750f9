//go:build !windows

package main

import (
	"io/fs"
	"os/user"
	"strconv"
	"syscall"
)

// itself has what is opened be what lies there: not what a link leads to, and no pipe that is waited for.
const itself = syscall.O_NOFOLLOW | syscall.O_NONBLOCK

// ownedBy says whether a file belongs to a user.
func ownedBy(uid int, info fs.FileInfo) bool {
	stat, ok := info.Sys().(*syscall.Stat_t)
	return ok && int(stat.Uid) == uid
}

// ownerOf names the user that a file belongs to.
func ownerOf(info fs.FileInfo) string {
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return ""
	}
	id := strconv.Itoa(int(stat.Uid))
	if u, err := user.LookupId(id); err == nil {
		return u.Username
	}
	return id
}
