package proxy

import (
	"context"
	"fmt"
	"net"
	"strings"
	"time"
)

// Upstream is a server behind the proxy.
type Upstream struct {
	// Name is for people: "letta-server:8283".
	Name string
	// Authorities are names under which the server may know itself, such as
	// "letta-server:8283", besides the address that Dial connects to: redirects
	// to them lead back to the proxy.
	Authorities []string
	// Dial opens a connection that speaks plain HTTP/1.1 to the server. For a
	// server behind TLS it returns the TLS connection. ctx bounds the attempt
	// only: the connection outlives it.
	Dial func(ctx context.Context) (net.Conn, error)
	// State is the state now and a channel closed at its next change. Nil means
	// always ready.
	State func() (State, <-chan struct{})
	// Doubt is told that the server may not answer any more: a connection to it failed,
	// or a request has waited for some seconds for the first byte of an answer. It
	// must not block. Nil: nobody follows the server, and the proxy itself asks it, from when a
	// request has waited for five minutes: one that then does not answer HEAD / within
	// 12 s either gets no more of the client's time.
	Doubt func()
	// DropOrigin removes the Origin field, after our own check of it, for servers
	// that refuse any (the Letta App Server does).
	DropOrigin bool
	// Bearer is sent as Authorization where the client sent none.
	Bearer string
	// Path is where WebSockets are on this server; empty if the client says it.
	// Query goes before the client's. Other requests are not concerned.
	Path, Query string
}

// webSocketTarget is the target of a handshake whose client asked for a path and
// query.
func (u *Upstream) webSocketTarget(asked string) string {
	path, query, queried := strings.Cut(asked, "?")
	if u.Path != "" {
		path = u.Path
	}
	switch {
	case u.Query == "" && !queried:
		return path
	case u.Query != "" && query != "":
		query = "&" + query
	}
	return path + "?" + u.Query + query
}

// State is what the orchestrator knows of an upstream.
type State struct {
	Phase Phase
	// Stage names how far a start is: "postgres", "migrate", "server".
	Stage string
	// Since is when the phase began; of an Unhealthy server the first question that it
	// did not answer.
	Since time.Time
	// LastStart is how long the last start took; 0 where that is not known.
	LastStart time.Duration
	// Cause and Hint explain Down and Unhealthy: what is wrong, and what to type.
	Cause, Hint string
}

// Phase is the coarse state of an upstream.
type Phase int

// The phases of an upstream.
const (
	Starting Phase = iota
	Ready
	Down
	// Unhealthy is a server that runs and does not answer. Requests are held as for
	// one that starts; streams under way are left alone.
	Unhealthy
)

// String is the phase in lower case.
func (p Phase) String() string {
	switch p {
	case Starting:
		return "starting"
	case Ready:
		return "ready"
	case Down:
		return "down"
	case Unhealthy:
		return "unhealthy"
	}
	return fmt.Sprintf("Phase(%d)", int(p))
}

func (u *Upstream) state() (State, <-chan struct{}) {
	if u.State == nil {
		return State{Phase: Ready}, nil
	}
	return u.State()
}

// dialTimeout bounds a connection attempt. Upstreams are on this machine or
// behind an engine's stream: one that needs longer is not coming.
const dialTimeout = 10 * time.Second

// dial connects, and marks a failure as one of connecting: nothing was sent.
func (u *Upstream) dial(ctx context.Context, limit time.Duration) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	conn, err := u.Dial(ctx)
	if err != nil {
		u.doubt()
		return nil, &dialError{err}
	}
	return conn, nil
}

func (u *Upstream) doubt() {
	if u.Doubt != nil {
		u.Doubt()
	}
}

// A dialError is a connection that was never made.
type dialError struct{ err error }

func (e *dialError) Error() string { return e.err.Error() }
func (e *dialError) Unwrap() error { return e.err }
