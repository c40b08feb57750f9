package model

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"time"
)

const (
	// Name is the one model there is.
	Name = "stub-1"

	// DefaultPace is the time between two pieces of an answer.
	DefaultPace = 100 * time.Millisecond

	maxRequest = 32 << 20 // bytes; a prompt of Letta has some ten thousand
)

// Pieces returns what every answer consists of.
func Pieces() []string {
	return []string{"Hello", " from", " the", " model", ":", " ten", " small", " pieces", " of", " text."}
}

// Text returns every answer in one piece.
func Text() string { return strings.Join(Pieces(), "") }

// Server is a running model.
type Server struct {
	http     http.Server
	listener net.Listener
	pace     time.Duration

	mu    sync.Mutex
	gates map[string]*Gate
}

// Option changes a server before it starts.
type Option func(*Server)

// Pace sets the time between two pieces; the default is [DefaultPace].
func Pace(d time.Duration) Option { return func(s *Server) { s.pace = d } }

// Start listens on addr, a literal address and a port (0 for any free one), and serves until [Server.Close]. It
// refuses an address that would let the whole network in.
func Start(addr string, options ...Option) (*Server, error) {
	if err := checkAddr(addr); err != nil {
		return nil, err
	}
	listener, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("start the model: %w", err)
	}
	s := &Server{listener: listener, pace: DefaultPace, gates: make(map[string]*Gate)}
	for _, option := range options {
		option(s)
	}
	s.http = http.Server{Handler: s.handler(), ReadHeaderTimeout: 10 * time.Second}
	go s.http.Serve(listener) // ends with Close; what it returns then is http.ErrServerClosed
	return s, nil
}

func checkAddr(addr string) error {
	parsed, err := netip.ParseAddrPort(addr)
	if err != nil {
		return fmt.Errorf("start the model on %q: %w", addr, err)
	}
	if parsed.Addr().IsUnspecified() {
		return fmt.Errorf("start the model on %q: bind the bridge's gateway or loopback, not every address", addr)
	}
	return nil
}

// URL is the base URL of the API, for a client that knows this machine as host.
func (s *Server) URL(host string) string {
	port := s.listener.Addr().(*net.TCPAddr).AddrPort().Port()
	return fmt.Sprintf("http://%s/v1", net.JoinHostPort(host, fmt.Sprint(port)))
}

// Close ends the server and every answer under way.
func (s *Server) Close() error { return s.http.Close() }

func (s *Server) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1/models", listModels)
	mux.HandleFunc("POST /v1/chat/completions", s.complete)
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		writeError(w, http.StatusNotFound, fmt.Sprintf("the model has no %s %s", r.Method, r.URL.Path))
	})
	return mux
}

func listModels(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, http.StatusOK, map[string]any{
		"object": "list",
		"data": []any{map[string]any{
			"id": Name, "object": "model", "created": 0, "owned_by": "letta-dev",
			"max_model_len": 32768, // vLLM's field, without which Letta leaves the model out
		}},
	})
}

// writeError answers in the shape that OpenAI's clients turn into an error with the message.
func writeError(w http.ResponseWriter, status int, message string) {
	writeJSON(w, status, map[string]any{"error": map[string]any{"message": message, "type": "model_stub", "code": status}})
}

func writeJSON(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(body) // a client that has gone needs no answer
}
