package main

import (
	"os"
	"os/exec"
	"os/signal"
)

// become runs a program to its end, for Windows cannot replace a process. Ctrl-C reaches both, and is for the program to answer.
func become(path string, argv, environ []string) error {
	signal.Ignore(os.Interrupt)
	cmd := &exec.Cmd{Path: path, Args: argv, Env: environ, Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr}
	return cmd.Run()
}
