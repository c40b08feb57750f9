package main

import "io/fs"

// ownedByUs says whether a file belongs to the user of this process. The temporary folder of Windows is each user's own.
func ownedByUs(fs.FileInfo) bool { return true }
