package proxy

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"net/http"
	"time"
)

// Proxy serves a Config.
type Proxy struct {
	config  Config
	hosts   hostSet
	origins origins
	name    string // in Via; unique to this process, so that another letta-dev upstream is no loop
	limits  limits

	rest *backend
	ws   *backend // nil: not configured
	pass *backend // nil: the container has no port of its own

	// stopping ends when the proxy begins to stop, base when what is left is cut.
	stopping, base   context.Context
	stop, cancelBase context.CancelFunc
	live             tracker
}

// limits are constants outside tests.
type limits struct {
	head     time.Duration // first byte, TLS handshake, request head
	idle     time.Duration // keep-alive connection without a request
	halfOpen time.Duration // WebSocket after one side has ended its direction
	reach    time.Duration // for the container's own WebSocket port to accept
	silence  time.Duration // a dead end behind it closes within this time
	notice   time.Duration // for the orchestrator to notice that an upstream went away
}

// maxHead bounds a request head, in bytes.
const maxHead = 64 << 10

// New checks a Config and returns the Proxy for it. It binds and starts nothing.
// Settings that cannot be used give a *ConfigError.
func New(config Config) (*Proxy, error) {
	config.setDefaults()
	if err := config.check(); err != nil {
		return nil, err
	}
	p := &Proxy{
		config: config,
		name:   "letta-dev-" + hex.EncodeToString(randomBytes(6)),
		limits: limits{
			head:     10 * time.Second,
			idle:     2 * time.Minute,
			halfOpen: time.Minute,
			reach:    time.Second,
			silence:  100 * time.Millisecond,
			notice:   500 * time.Millisecond,
		},
	}
	var err error
	if p.hosts, err = newHostSet(config.Hosts); err != nil {
		return nil, err
	}
	if p.origins, err = newOrigins(p.hosts, config.Origins); err != nil {
		return nil, err
	}
	p.rest = p.newBackend(&config.REST)
	p.ws = p.newBackend(config.WebSocket.Upstream)
	p.pass = p.newBackend(config.WebSocket.PassThrough)
	p.stopping, p.stop = context.WithCancel(context.Background())
	p.base, p.cancelBase = context.WithCancel(context.Background())
	return p, nil
}

// A backend is an upstream with what carries requests to it.
type backend struct {
	*Upstream
	forwarder
}

func (p *Proxy) newBackend(u *Upstream) *backend {
	if u == nil {
		return nil
	}
	return &backend{u, newReverseProxy(u, p.name)}
}

// serveHTTP answers one request.
func (p *Proxy) serveHTTP(w http.ResponseWriter, r *http.Request) {
	x := p.newExchange(w, r)
	p.live.add(x)
	defer func() {
		v := recover()
		x.finish(v)
		p.live.remove(x)
		if v != nil {
			panic(v)
		}
	}()
	if a := p.refuse(x.request); a != nil {
		x.respond(a)
		return
	}
	x.route()
}

func randomBytes(n int) []byte {
	b := make([]byte, n)
	rand.Read(b) // never fails: crypto/rand aborts the program instead
	return b
}
