package demo

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// The name and value of the header on every answer.
const (
	Header      = "X-Letta-Dev"
	HeaderValue = "demo"
)

// Options change how the stand-in behaves. The zero value is ready to use.
type Options struct {
	// Pace waits before each piece of a streamed answer and returns an error
	// when ctx ends first. Nil means 100 ms, which is what a quick model takes.
	Pace func(ctx context.Context) error

	// Now is the clock of the dates in answers. Nil means [time.Now].
	Now func() time.Time

	// Log takes the log lines of [Serve]. Nil means none.
	Log io.Writer
}

func (o Options) withDefaults() Options {
	if o.Pace == nil {
		o.Pace = everyTenth
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = io.Discard
	}
	return o
}

func everyTenth(ctx context.Context) error {
	t := time.NewTimer(100 * time.Millisecond)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// server is the state behind a handler.
type server struct {
	opts   Options
	agents *store
}

// Handler returns a stand-in of its own, with one agent named "demo". It is safe
// for concurrent use.
func Handler(opts Options) http.Handler {
	opts = opts.withDefaults()
	s := &server{opts: opts, agents: newStore(opts.Now)}
	mux := http.NewServeMux()
	for _, collection := range []string{"/v1/health", "/v1/ready", "/v1/agents", "/v1/models"} {
		mux.HandleFunc(collection, addSlash)
	}
	mux.HandleFunc("GET /v1/health/{$}", health)
	mux.HandleFunc("GET /v1/ready/{$}", health)
	mux.HandleFunc("GET /v1/models/{$}", models)
	mux.HandleFunc("GET /v1/agents/{$}", s.listAgents)
	mux.HandleFunc("POST /v1/agents/{$}", s.createAgent)
	mux.HandleFunc("GET /v1/agents/{id}", s.getAgent)
	mux.HandleFunc("DELETE /v1/agents/{id}", s.deleteAgent)
	mux.HandleFunc("GET /v1/agents/{id}/messages", s.listMessages)
	mux.HandleFunc("POST /v1/agents/{id}/messages", s.postMessage)
	mux.HandleFunc("POST /v1/agents/{id}/messages/stream", s.postMessage)
	mux.Handle("GET /{$}", http.RedirectHandler("/docs", http.StatusTemporaryRedirect))
	mux.HandleFunc("GET /docs", s.docs)
	mux.HandleFunc("GET /openapi.json", openAPI)
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		refuse(w, http.StatusNotFound, "Not Found")
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set(Header, HeaderValue)
		if strings.EqualFold(r.Header.Get("Upgrade"), "websocket") { // as uvicorn without a route for it
			refuse(w, http.StatusForbidden, "Forbidden")
			return
		}
		mux.ServeHTTP(w, r)
	})
}

func health(w http.ResponseWriter, r *http.Request) {
	answer(w, http.StatusOK, map[string]string{"version": "demo", "status": "ok"})
}

func models(w http.ResponseWriter, r *http.Request) {
	answer(w, http.StatusOK, []model{demoModel()})
}

// addSlash redirects as Starlette does: to an absolute URL made of what the
// client, or the proxy before us, says it is.
func addSlash(w http.ResponseWriter, r *http.Request) {
	to := url.URL{Scheme: scheme(r), Host: r.Host, Path: r.URL.Path + "/", RawQuery: r.URL.RawQuery}
	w.Header().Set("Location", to.String())
	w.WriteHeader(http.StatusTemporaryRedirect)
}

// scheme is the client's. The stand-in is reachable from this machine alone, so
// that it believes X-Forwarded-Proto as the real server does when letta-dev
// starts it (FORWARDED_ALLOW_IPS=*).
func scheme(r *http.Request) string {
	if r.Header.Get("X-Forwarded-Proto") == "https" || r.TLS != nil {
		return "https"
	}
	return "http"
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(body)
}

// refuse answers an error in the shape of the real server.
func refuse(w http.ResponseWriter, status int, format string, args ...any) {
	answer(w, status, map[string]string{"detail": fmt.Sprintf(format, args...)})
}
