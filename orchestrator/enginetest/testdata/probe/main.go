// Probe is the program in the image of the engine contract.
package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/signal"
	"syscall"

	"github.com/letta-dev/letta-dev/orchestrator/enginetest/probe"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	os.Exit(probe.Run(ctx, probe.Process{
		Argv: os.Args, Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr, Killed: make(chan struct{}),
		Listen: func(port int) (net.Listener, error) { return net.Listen("tcp", fmt.Sprintf(":%d", port)) },
	}))
}
