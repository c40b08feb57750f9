package proxy

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"slices"
	"sync"
	"time"

	"github.com/letta-dev/letta-dev/proxy/http1"
	"github.com/letta-dev/letta-dev/proxy/policy"
)

// Proxy serves a Config.
type Proxy struct {
	config  Config
	hosts   hostSet
	origins origins
	name    string // in Via; unique to this process, so that another letta-dev upstream is no loop
	limits  limits

	rest       *backend
	ws         *backend // nil: not configured
	pass       *backend // nil: the container has no port of its own
	table      Table
	edited     []policy.Header // of answers: by the table and by Config.Header
	pathRoutes pathRoutes
	cors       origins      // that the policy answers for
	pace       *rateLimiter // nil: as often as they like

	buffers *http1.Pool
	bodies  *sync.Pool // of *[]byte, for the bodies of HTTP/2
	packers gzipWriters
	calls   sync.Pool // of what quick needs

	// stopping ends when the proxy begins to stop, base when what is left is cut.
	stopping, base context.Context
	stop, cutBase  context.CancelFunc
	conns, streams tracker
}

// limits are constants outside tests.
type limits struct {
	head          time.Duration // first byte, TLS handshake, request head
	idle          time.Duration // keep-alive connection without a request
	bodyIdle      time.Duration // request body that does not move; git compresses for minutes between two pieces of a push
	halfOpen      time.Duration // WebSocket after one side has ended its direction, without a byte of the other
	dialWebSocket time.Duration // for the container's own WebSocket port to accept
	deadEnd       time.Duration // a dead end behind it closes within this time
	linger        time.Duration // for an answer to arrive before its connection closes
	force         time.Duration // for what was cut to end
	quietStop     time.Duration // before a stop that waits says so: most wait for nothing
	silent        time.Duration // without the first byte of an answer, before an upstream without Doubt is asked whether it answers at all
	answer        time.Duration // for that question
	doubt         time.Duration // without the first byte of an answer, before Upstream.Doubt is told
	stateLag      time.Duration // for the orchestrator to notice that an upstream went away
}

// maxHead bounds a request head, in bytes.
const maxHead = http1.MaxHead

// New checks a Config and returns the Proxy for it. It binds and starts nothing.
// Settings that cannot be used give a *ConfigError.
func New(config Config) (*Proxy, error) {
	config.setDefaults()
	if err := config.check(); err != nil {
		return nil, err
	}
	p := &Proxy{
		config:  config,
		buffers: new(http1.Pool),
		bodies:  &sync.Pool{New: func() any { b := make([]byte, 32<<10); return &b }},
		pace:    newRateLimiter(config.Policy.Rate),
		table:   newTable(&config),
		name:    "letta-dev-" + hex.EncodeToString(randomBytes(6)),
		limits: limits{
			head:          10 * time.Second,
			idle:          2 * time.Minute,
			bodyIdle:      5 * time.Minute,
			halfOpen:      time.Hour,
			dialWebSocket: time.Second,
			deadEnd:       100 * time.Millisecond,
			linger:        2 * time.Second,
			force:         10 * time.Second,
			quietStop:     300 * time.Millisecond,
			silent:        5 * time.Minute,
			answer:        12 * time.Second,
			doubt:         3 * time.Second,
			stateLag:      500 * time.Millisecond,
		},
	}
	p.edited = slices.Clone(p.table.Response)
	for name := range config.Header {
		p.edited = append(p.edited, policy.Header{Name: name})
	}
	var err error
	if p.hosts, err = newHostSet(p.table.Names); err != nil {
		return nil, err
	}
	if p.origins, err = newOrigins(p.hosts, p.table.Origins); err != nil {
		return nil, err
	}
	if p.cors, err = newOrigins(hostSet{}, p.table.CORS); err != nil {
		return nil, err
	}
	p.rest = p.newBackend(&config.REST)
	p.ws = p.newBackend(config.WebSocket.Upstream)
	p.pass = p.newBackend(config.WebSocket.PassThrough)
	if p.pathRoutes, err = p.newPathRoutes(p.table.Routes); err != nil {
		return nil, err
	}
	p.stopping, p.stop = context.WithCancel(context.Background())
	p.base, p.cutBase = context.WithCancel(context.Background())
	return p, nil
}

// cut begins the end of what did not end by itself.
func (p *Proxy) cut() { p.cutBase() }

// cutting reports whether that has begun.
func (p *Proxy) cutting() bool { return p.base.Err() != nil }

func randomBytes(n int) []byte {
	b := make([]byte, n)
	rand.Read(b) // never fails: crypto/rand aborts the program instead
	return b
}
