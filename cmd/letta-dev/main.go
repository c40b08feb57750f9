// Command letta-dev gives the developers of the Letta server a trusted HTTPS environment with one command.
//
// This package is words, flags and wiring: what happens is in the packages orchestrator, proxy, certs and compose. Each command
// has a file of its own; ui.go holds the rules of output, explain.go the exit codes, wire.go the one place where services become
// routes of the proxy.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, cancel := context.WithCancel(context.Background())
	asked := make(chan os.Signal, 1)
	signal.Notify(asked, endings()...)
	go func() {
		<-asked
		signal.Ignore(syscall.SIGHUP) // a closed terminal says so more than once: by its shell, and by itself
		cancel()
		<-asked // the first Ctrl-C asks, the second ends the process: not by the signal, which a shell's "&" has it ignore
		os.Exit(exitInterrupted)
	}()
	os.Exit(run(ctx, systemApp(), os.Args[1:]))
}

// endings are the signals that ask for an end. SIGHUP is the closing of the terminal, but not under nohup.
func endings() []os.Signal {
	if signal.Ignored(syscall.SIGHUP) {
		return []os.Signal{os.Interrupt, syscall.SIGTERM}
	}
	return []os.Signal{os.Interrupt, syscall.SIGTERM, syscall.SIGHUP}
}
