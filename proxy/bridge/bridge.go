package bridge

import (
	"net/http"
	"sync/atomic"
	"time"

	"github.com/coder/websocket"
)

// Defaults of the fields of [Config] that are zero.
const (
	DefaultMaxFrame     = 1 << 20          // bytes
	DefaultPingInterval = 30 * time.Second // the interval of Letta's App Server, too
)

// Config says where the Letta server is and what a client may do.
type Config struct {
	// Server is the scheme and authority of the REST API, such as
	// "http://letta-server". It may end in a slash, and has no path.
	Server string

	// Transport carries the requests to Server. It must not limit the time to
	// the first byte of an answer: an agent may think for minutes. Nil means
	// [http.DefaultTransport].
	Transport http.RoundTripper

	// Password is asked before every request; what it returns is sent as a
	// bearer token unless empty. It is called from many goroutines. Nil means no
	// password.
	Password func() string

	// MaxFrame limits a client's frame, in bytes; a longer one closes the socket
	// with 1009 (RFC 6455, section 7.4.1).
	MaxFrame int64

	// PingInterval is the time between two WebSocket pings to a client. One that
	// does not answer for as long again, or takes no bytes for 5 s when a ping is
	// due, is taken for gone.
	PingInterval time.Duration

	// Event is told what happens, if not nil. It is called from many goroutines.
	Event func(Event)
}

// Kind says what an [Event] reports.
type Kind string

// The kinds of events.
const (
	Opened      Kind = "open"         // a socket was accepted
	Closed      Kind = "close"        // a socket ended; Took is its whole life
	Message     Kind = "message"      // a user_message was answered
	CreateAgent Kind = "create_agent" // a create_agent was answered
	Refused     Kind = "refused"      // a frame could not be used
)

// Event is one thing that happened on one socket. It never holds what was said.
type Event struct {
	Kind   Kind
	Remote string        // address of the client, as in [http.Request]
	Agent  string        // id or name as the client gave it; of a new agent, its id
	Took   time.Duration // from the frame to the end of its answer
	Err    error         // what the client was told, or why the socket ended
}

// Stats counts what a Bridge did since it was made.
type Stats struct {
	Open     int64 `json:"open"`     // sockets open now
	Sockets  int64 `json:"sockets"`  // sockets accepted
	Requests int64 `json:"requests"` // messages and commands answered, failed ones included
	Failures int64 `json:"failures"` // of these and of the refused frames, those without a full answer
}

// Bridge is an [http.Handler] that accepts WebSocket connections on any path. A
// request that is no upgrade is told in 426 what the port is for.
type Bridge struct {
	cfg   Config
	letta *letta
	stats struct{ open, sockets, requests, failures atomic.Int64 }
}

// New returns a Bridge for cfg.
func New(cfg Config) *Bridge {
	if cfg.Transport == nil {
		cfg.Transport = http.DefaultTransport
	}
	if cfg.MaxFrame <= 0 {
		cfg.MaxFrame = DefaultMaxFrame
	}
	if cfg.PingInterval <= 0 {
		cfg.PingInterval = DefaultPingInterval
	}
	return &Bridge{cfg: cfg, letta: newLetta(cfg)}
}

// Stats returns the counts of this moment.
func (b *Bridge) Stats() Stats {
	return Stats{
		Open:     b.stats.open.Load(),
		Sockets:  b.stats.sockets.Load(),
		Requests: b.stats.requests.Load(),
		Failures: b.stats.failures.Load(),
	}
}

// ServeHTTP serves one socket until it ends.
func (b *Bridge) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !isUpgrade(r) {
		explain(w, r)
		return
	}
	conn, err := websocket.Accept(w, r, &websocket.AcceptOptions{
		// The proxy in front has compared Origin with the origins the user
		// allows. The check here would compare it with Host instead, and refuse
		// app.letta.com.
		InsecureSkipVerify: true,
	})
	if err != nil {
		return // Accept has answered
	}
	conn.SetReadLimit(b.cfg.MaxFrame)

	b.stats.sockets.Add(1)
	b.stats.open.Add(1)
	defer b.stats.open.Add(-1)

	s := newSession(b, conn, r.RemoteAddr)
	start := time.Now()
	s.report(Event{Kind: Opened})
	err = s.run(r.Context())
	s.report(Event{Kind: Closed, Took: time.Since(start), Err: err})
}
