package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/letta-dev/letta-dev/crash"
	"github.com/letta-dev/letta-dev/orchestrator"
	"github.com/letta-dev/letta-dev/orchestrator/demo"
)

// newDemoServer is what runs in the container of `up --demo`.
func newDemoServer() *cobra.Command {
	return &cobra.Command{
		Use:    "demo-server",
		Hidden: true,
		Args:   noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			// All interfaces of the container, which is published on this machine's loopback alone.
			l, err := net.Listen("tcp", fmt.Sprintf(":%d", orchestrator.RESTPort))
			if err != nil {
				return fmt.Errorf("starting the demo server: %w", err)
			}
			return demo.Serve(cmd.Context(), l, demo.Options{Log: cmd.OutOrStdout()})
		},
	}
}

// newDemoDial connects its standard streams to a port of the demo container's loopback, for engines whose containers can be reached
// only through their API.
func newDemoDial() *cobra.Command {
	return &cobra.Command{
		Use:    "demo-dial PORT",
		Hidden: true,
		Args:   cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if _, err := strconv.ParseUint(args[0], 10, 16); err != nil {
				return usagef("", "%q is not a port", args[0])
			}
			return relay(cmd.Context(), args[0], cmd.InOrStdin(), cmd.OutOrStdout())
		},
	}
}

func relay(ctx context.Context, port string, in io.Reader, out io.Writer) error {
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", net.JoinHostPort("127.0.0.1", port))
	if err != nil {
		return err
	}
	defer conn.Close()
	go func() {
		defer crash.Recover()
		_, _ = io.Copy(conn, in) // its end is the half-close below; a failure shows on the way back
		_ = conn.(*net.TCPConn).CloseWrite()
	}()
	_, err = io.Copy(out, conn)
	return err
}
