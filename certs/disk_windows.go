package certs

import "io/fs"

// itself changes nothing: no file of a folder is a pipe here, and who may make links is an administrator.
const itself = 0

// checkPrivate has nothing to say: access control lists are inherited from the user's profile.
func checkPrivate(string, fs.FileInfo) error { return nil }

// checkUnshared has nothing to say for the same reason.
func checkUnshared(string, fs.FileInfo) error { return nil }

// readable is how a file or folder becomes so again.
func readable(path string) string { return "icacls " + quote(path) + " /reset /t" }

// owns has nobody to ask about: there is no user behind sudo.
func (o *Owner) owns(string) bool { return false }

// syncDir has nothing to do: Windows cannot sync a folder, and NTFS journals its names.
func syncDir(string) error { return nil }
