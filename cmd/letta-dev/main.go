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
	"sync"
	"syscall"

	"github.com/letta-dev/letta-dev/crash"
)

func main() { program(systemApp()) }

// program runs the command line of this process in a world, and ends the process.
func program(a *app) {
	var once sync.Once // of several goroutines that panic, the first tells why
	crash.Handle(func(value any, stack []byte) { once.Do(func() { os.Exit(a.crashed(value, stack)) }) })
	defer crash.Recover()
	ctx, cancel := context.WithCancel(context.Background())
	asked := make(chan os.Signal, 1)
	signal.Notify(asked, endings()...)
	go func() {
		defer crash.Recover()
		<-asked
		signal.Ignore(syscall.SIGHUP) // a closed terminal says so more than once: by its shell, and by itself
		cancel()
		<-asked // the first Ctrl-C asks, the second ends the process: not by the signal, which a shell's "&" has it ignore
		os.Exit(exitInterrupted)
	}()
	os.Exit(run(ctx, a, os.Args[1:]))
}

// endings are the signals that ask for an end. SIGHUP is the closing of the terminal, but not under nohup.
func endings() []os.Signal {
	if signal.Ignored(syscall.SIGHUP) {
		return []os.Signal{os.Interrupt, syscall.SIGTERM}
	}
	return []os.Signal{os.Interrupt, syscall.SIGTERM, syscall.SIGHUP}
}
