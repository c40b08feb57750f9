package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/letta-dev/letta-dev/crash"
)

// grace is how long answers under way may take after the order to stop.
const grace = 5 * time.Second

// Serve runs a stand-in on ln until ctx ends, lets the answers under way finish
// (5 s), closes ln and returns nil. Its log has a line when it is ready, one for
// each request but those for health, and one when it stopped.
func Serve(ctx context.Context, ln net.Listener, opts Options) error {
	opts = opts.withDefaults()
	log := &lines{w: opts.Log}
	defer log.end() // a handler that was cut off may still have a line to say
	srv := &http.Server{
		Handler:           logged(Handler(opts), log),
		ReadHeaderTimeout: 10 * time.Second,
	}
	log.printf("letta-dev demo server: no model, no database; what you store is gone when it stops")
	stopped := make(chan error, 1)
	ended := context.AfterFunc(ctx, func() {
		defer crash.Recover()
		log.printf("letta-dev demo server stopping")
		stopped <- shutdown(srv)
	})
	log.printf("letta-dev demo server ready on http://%s", ln.Addr())
	err := srv.Serve(ln)
	if !ended() { // ctx ended, so Serve returned because of shutdown
		err = <-stopped
		log.printf("letta-dev demo server stopped")
	}
	if err != nil {
		return fmt.Errorf("demo server on %s: %w", ln.Addr(), err)
	}
	return nil
}

// shutdown stops srv, with force after the grace.
func shutdown(srv *http.Server) error {
	ctx, cancel := context.WithTimeout(context.Background(), grace)
	defer cancel()
	err := srv.Shutdown(ctx)
	if errors.Is(err, context.DeadlineExceeded) {
		return srv.Close()
	}
	return err
}

// logged writes a line for every request when it is answered. Health is asked for
// twenty times a second while a server starts; it is left out.
func logged(next http.Handler, log *lines) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start := time.Now()
		seen := &statusWriter{ResponseWriter: w, status: http.StatusOK}
		next.ServeHTTP(seen, r)
		if !strings.HasPrefix(r.URL.Path, "/v1/health") {
			log.printf("%s %s %d %d ms", r.Method, r.URL.EscapedPath(), seen.status, time.Since(start).Milliseconds())
		}
	})
}

// statusWriter remembers the status of an answer.
type statusWriter struct {
	http.ResponseWriter
	status int
}

func (w *statusWriter) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}

// Unwrap lets [http.ResponseController] reach Flush.
func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// lines writes whole lines from many goroutines, and nothing after its end.
type lines struct {
	mu sync.Mutex
	w  io.Writer
}

func (l *lines) printf(format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	fmt.Fprintf(l.w, format+"\n", args...)
}

func (l *lines) end() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.w = io.Discard
}
