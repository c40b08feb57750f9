// Command server is the smallest executable the demo image can hold. The tests
// build it.
package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/signal"
	"syscall"

	"github.com/letta-dev/letta-dev/orchestrator/demo"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run() error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	ln, err := net.Listen("tcp", os.Args[1])
	if err != nil {
		return err
	}
	return demo.Serve(ctx, ln, demo.Options{Log: os.Stdout})
}
