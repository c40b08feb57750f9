// Package host is the machine as package certs sees it: its environment, its commands, its files and whose they are. What
// differs by operating system or under sudo in these is decided here, so that its callers read the same on all systems.
//
// # Environment
//
// An [Env] describes a machine: its folders, the variables that matter, which commands are installed, and what may be
// asked of the person at the terminal. [Detect] describes this one; tests make their own. Nothing in this package reads
// the process's environment, except for the folder of temporary files.
//
// # Commands
//
// [Env.Do] runs a [Command] with a limit of time and of output, with the variables it needs and no others, and without a
// terminal unless it is sudo. A command that only looks ends with this process; one that changes something holds
// a lock ([Command].Lock) and is finished. Run as root for another user (sudo), no command starts that this user could
// have replaced: see [Env.UnderSudo].
//
// # Files and rights
//
// Under sudo, files in the user's home belong to the user. [Owner.As] runs a function with the rights of that user, so that a
// symbolic link of theirs leads root nowhere the user could not go. [File.Replace] and [File.Stage] write files so that
// readers see the old content or the new. [ReadBounded] reads without ever waiting or filling memory.
//
// # Watching
//
// [StampsOf] and [EachTick] notice files that other processes change.
//
// The errors are an [*Error], which says what to type next.
package host
