// Package probe is the program that runs in the containers of the engine contract: in real ones as a binary of its own, in fake
// ones as a function. It imports nothing but the standard library, so that the binary is small and quickly built.
package probe

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
)

// Process is what a program is given by the container it runs in.
type Process struct {
	Container      string   // its name; known to fake ones only
	Argv           []string // the program itself first
	Env            map[string]string
	Stdin          io.Reader
	Stdout, Stderr io.Writer
	Listen         func(port int) (net.Listener, error) // on all addresses of the container
	Killed         <-chan struct{}                      // closed when a fake container is killed; a real process is just gone
}

// Run runs one of the probe's commands until it is done or ctx ends, which is SIGTERM, and returns the exit code.
//
//	lines N      writes "line 1" to "line N", the odd ones to stdout and the even ones to stderr
//	long N       writes a line of N bytes, and "end" without a line end
//	exit CODE    ends with it
//	serve        answers HTTP on 8283 until SIGTERM, and writes a line for the start, each request and the end
//	deaf         says "deaf", says "what" at SIGTERM, and stays
//	echo CODE    copies stdin to stdout, says on stderr how many bytes that were, and ends with CODE
func Run(ctx context.Context, p Process) int {
	command, arg := "", ""
	if len(p.Argv) > 1 {
		command = p.Argv[1]
	}
	if len(p.Argv) > 2 {
		arg = p.Argv[2]
	}
	n, _ := strconv.Atoi(arg)
	switch command {
	case "lines":
		lines(p, n)
		return 0
	case "long":
		fmt.Fprintf(p.Stdout, "%s\nend", strings.Repeat("x", n))
		return 0
	case "exit":
		return n
	case "serve":
		return serve(ctx, p)
	case "deaf":
		fmt.Fprintln(p.Stdout, "deaf")
		<-ctx.Done()
		fmt.Fprintln(p.Stdout, "what")
		<-p.Killed
		return 0
	case "echo":
		copied, _ := io.Copy(p.Stdout, p.Stdin)
		fmt.Fprintf(p.Stderr, "%d bytes\n", copied)
		return n
	}
	fmt.Fprintf(p.Stderr, "probe: no command %q\n", command)
	return 2
}

func lines(p Process, n int) {
	for i := 1; i <= n; i++ {
		w := p.Stdout
		if i%2 == 0 {
			w = p.Stderr
		}
		fmt.Fprintf(w, "line %d\n", i)
	}
}

func serve(ctx context.Context, p Process) int {
	l, err := p.Listen(8283)
	if err != nil {
		fmt.Fprintln(p.Stderr, err)
		return 1
	}
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(p.Stdout, "%s %s\n", r.Method, r.URL.Path)
		_, _ = io.WriteString(w, "probe\n")
	})}
	fmt.Fprintln(p.Stdout, "serving")
	defer context.AfterFunc(ctx, func() { _ = server.Close() })()
	_ = server.Serve(l)
	fmt.Fprintln(p.Stdout, "stopping")
	return 0
}
