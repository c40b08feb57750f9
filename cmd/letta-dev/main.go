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
	ctx, stop := signal.NotifyContext(context.Background(), endings()...)
	context.AfterFunc(ctx, func() {
		stop()                        // the first Ctrl-C asks, the second ends the process
		signal.Ignore(syscall.SIGHUP) // a closed terminal says so more than once: by its shell, and by itself
	})
	code := run(ctx, systemApp(), os.Args[1:])
	stop()
	os.Exit(code)
}

// endings are the signals that ask for an end. SIGHUP is the closing of the terminal, but not under nohup.
func endings() []os.Signal {
	if signal.Ignored(syscall.SIGHUP) {
		return []os.Signal{os.Interrupt, syscall.SIGTERM}
	}
	return []os.Signal{os.Interrupt, syscall.SIGTERM, syscall.SIGHUP}
}
