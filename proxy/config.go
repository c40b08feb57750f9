package proxy

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/letta-dev/letta-dev/proxy/policy"
)

// Config says what a Proxy serves, to whom, and from where. REST.Dial and at
// least one listener are required; every other field has a useful zero value.
type Config struct {
	// Listeners are bound already (see listen.Config). Serve closes them.
	Listeners []Listener

	// Certificate picks the leaf for a TLS handshake. Nil means plain HTTP only.
	Certificate func(*tls.ClientHelloInfo) (*tls.Certificate, error)

	// Hosts are names served besides the built-in ones. "*.name" stands for one
	// label below name, as it does in a certificate (RFC 9525, section 6.3).
	Hosts []string

	// Origins are foreign origins that may open WebSockets and change things:
	// "https://app.letta.com".
	Origins []string

	REST      Upstream
	WebSocket WebSocket

	// Policy is what is asked for beyond that.
	Policy policy.Rules
	// RouteUpstream makes the upstream of a route that has a URL; required where one has.
	RouteUpstream func(*url.URL) Upstream

	// HoldFor is how long API calls wait for a server that starts or does not answer;
	// 60 s if zero.
	HoldFor time.Duration
	// Grace is how long streams may finish at stop; 10 s if zero, no time if negative.
	Grace time.Duration

	// Access is called once for every finished request, from the goroutine that
	// served it, so it must not block for long, and not keep it.
	Access func(*Access)
	// Header is set on every answer, whoever gave it.
	Header http.Header
	// HandshakeFailed is told of TLS handshakes that fail, from the goroutine of
	// the connection.
	HandshakeFailed func(HandshakeFailure)
	// ErrorLog receives what belongs to no request otherwise, such as a handler
	// that panicked. Nil discards it.
	ErrorLog *log.Logger
	// Waiting is told, once, that the stop waits for streams: until Grace is over, or
	// the process is ended.
	Waiting func()
	// AsTyped writes the commands of letta-dev in an answer's advice as they have to
	// be typed where it was started. Nil leaves them as they are.
	AsTyped func(advice string) string
	// Now is the clock of records and pages; time.Now if nil.
	Now func() time.Time
}

// Listener is a bound socket. WebSocket marks the one whose upgrades take the
// three modes of Config.WebSocket (8282).
type Listener struct {
	net.Listener
	WebSocket bool
}

// WebSocket says where upgrades go. On the WebSocket listener the fields are
// tried in their order; on the others only Upstream counts, then Config.REST.
type WebSocket struct {
	// PassThrough is the container's own WebSocket port. It takes the connection
	// if it can be reached at once and says anything.
	PassThrough *Upstream
	// Upstream is the configured WebSocket server.
	Upstream *Upstream
	// Bridge answers upgrades itself, and other requests with an explanation. The
	// context of its requests ends when the proxy stops.
	Bridge http.Handler
}

func (c *Config) setDefaults() {
	if c.HoldFor == 0 {
		c.HoldFor = 60 * time.Second
	}
	if c.Grace == 0 {
		c.Grace = 10 * time.Second
	}
	if c.Access == nil {
		c.Access = func(*Access) {}
	}
	if c.HandshakeFailed == nil {
		c.HandshakeFailed = func(HandshakeFailure) {}
	}
	if c.ErrorLog == nil {
		c.ErrorLog = log.New(io.Discard, "", 0) // net/http takes nil for the standard one
	}
	if c.Waiting == nil {
		c.Waiting = func() {}
	}
	if c.AsTyped == nil {
		c.AsTyped = func(advice string) string { return advice }
	}
	if c.Now == nil {
		c.Now = time.Now
	}
}

func (c *Config) check() error {
	if len(c.Listeners) == 0 {
		return errors.New("the proxy has no listener")
	}
	for _, u := range []*Upstream{&c.REST, c.WebSocket.PassThrough, c.WebSocket.Upstream} {
		if u != nil && u.Dial == nil {
			return fmt.Errorf("the upstream %q has no dial function", u.Name)
		}
	}
	if err := c.Policy.Check(); err != nil {
		return err
	}
	if c.RouteUpstream == nil && slices.ContainsFunc(c.Policy.Routes, func(r policy.Route) bool { return r.Upstream != "" }) {
		return errors.New("a route has an upstream, and nobody can connect to it")
	}
	// With it Go offers extended CONNECT (RFC 8441), browsers prefer that to
	// HTTP/1.1 for wss, and it ends in a 502: golang/go#71128.
	if strings.Contains(os.Getenv("GODEBUG"), "http2xconnect=1") {
		return &ConfigError{
			Problem: "GODEBUG contains http2xconnect=1, which breaks WebSockets in browsers",
			Advice:  "unset GODEBUG",
		}
	}
	return nil
}

// A ConfigError is a setting that cannot be used.
type ConfigError struct {
	Problem string
	Advice  string
}

// Error is the problem.
func (e *ConfigError) Error() string { return e.Problem }

// Hint is what to type or write instead.
func (e *ConfigError) Hint() string { return e.Advice }
