//go:build e2e && linux

package trust

import (
	"crypto/tls"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// impostor serves a certificate on a port of every address.
func impostor(t *testing.T, port, marker string, leaf *tls.Certificate) {
	t.Helper()
	listener, err := tls.Listen("tcp", ":"+port, &tls.Config{Certificates: []tls.Certificate{*leaf}})
	must(t, err)
	serve(t, listener, marker)
}

// serve answers everything with marker; to git, as the name of a branch.
func serve(t *testing.T, listener net.Listener, marker string) {
	t.Helper()
	server := &http.Server{
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if strings.HasSuffix(r.URL.Path, "/info/refs") {
				w.Header().Set("Content-Type", "text/plain")
				fmt.Fprintf(w, "%040x\trefs/heads/%s\n", 1, marker)
				return
			}
			w.Header().Set("Content-Type", "text/html")
			fmt.Fprintf(w, "<!doctype html><title>proof</title><p>%s</p>\n", marker)
		}),
		ReadHeaderTimeout: 10 * time.Second,
		ErrorLog:          log.New(io.Discard, "", 0), // clients that refuse are what it is for
	}
	done := make(chan struct{})
	go func() { defer close(done); _ = server.Serve(listener) }()
	t.Cleanup(func() { _ = server.Close(); <-done })
}
