package host

import "io/fs"

// itself adds no flags: no file in a folder is a pipe on Windows, and only administrators may make links.
const itself = 0

// CheckPrivate returns nil: access control lists are inherited from the user's profile.
func CheckPrivate(string, string, fs.FileInfo) error { return nil }

// CheckUnshared returns nil, for the same reason.
func CheckUnshared(string, string, fs.FileInfo) error { return nil }

// Reclaim returns the command that makes a file or folder readable for this user again.
func Reclaim(path string) string { return "icacls " + Quote(path) + " /reset /t" }

// owns returns false: there is no user behind sudo.
func (o *Owner) owns(string) bool { return false }

// SyncDir does nothing: Windows cannot sync a folder, and NTFS journals its names.
func SyncDir(string) error { return nil }
