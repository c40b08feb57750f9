package main

// isSuspended: no shell of Windows suspends a program.
func isSuspended(int) bool { return false }

// isAnothers: there is no sudo whose rights would be needed to end a process.
func isAnothers(int) bool { return false }
