package keypair

import (
	"context"
	"crypto/tls"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/letta-dev/letta-dev/certs"
	"github.com/letta-dev/letta-dev/certs/host"
)

// watchEvery is how often Run looks at the files of a pair: two calls of stat.
const watchEvery = time.Second

// Options say what a pair must be good for. The zero value will do.
type Options struct {
	Hosts   []string         // names and addresses it must cover; none means localhost or letta.localhost
	Now     func() time.Time // the clock; nil means time.Now
	Changed func(Change)     // is told what OpenPair and Run notice; it must not block
	Ticks   <-chan time.Time // when Run looks at the files; nil means every second
}

// A Change is something to be told about a pair. At most one of the errors is set, and it is an [*host.Error]; with none
// of them another certificate came into use.
type Change struct {
	Names    certs.Names // of the certificate in use now
	NotAfter time.Time   // of the certificate in use now
	Refused  error       // why what is in the files now is not in use
	Warning  error       // what clients or other users of this machine could make of what is in use
}

// A Pair is a certificate and its key that a person brought, in two files or in one, for a server to present. While Run
// runs the files are watched: handshakes get what is new in them, connections keep what they have, and what is not fit
// for use is refused with the reason while the old pair stays. It is safe for concurrent use.
type Pair struct {
	certFile, keyFile string
	hosts             certs.Names
	now               func() time.Time
	changed           func(Change)
	ticks             <-chan time.Time
	current           atomic.Pointer[served]
	watched           watched
}

// served is what a Pair presents.
type served struct {
	certificate *tls.Certificate
	names       certs.Names
	warnings    []*host.Error
}

// Open reads a certificate with its chain, and the key, in PEM; one file may hold both. What no client would accept
// under one of the hosts is an [*host.Error] that says what to type. What clients accept, although it is odd, is in use:
// Changed is told as a Warning. So is a key that other users can read, for keys in containers and in Kubernetes secrets
// come like that, from those who cannot change it.
func Open(certFile, keyFile string, opts Options) (*Pair, error) {
	p := &Pair{now: opts.Now, changed: opts.Changed, ticks: opts.Ticks}
	if p.now == nil {
		p.now = time.Now
	}
	if p.changed == nil {
		p.changed = func(Change) {}
	}
	var err error
	if p.certFile, err = filepath.Abs(certFile); err != nil {
		return nil, err
	}
	if p.keyFile, err = filepath.Abs(keyFile); err != nil {
		return nil, err
	}
	if len(opts.Hosts) > 0 {
		if p.hosts, err = certs.ParseNames(opts.Hosts...); err != nil {
			return nil, err
		}
	}
	pair, err := p.load()
	if err != nil {
		return nil, err
	}
	p.current.Store(pair)
	p.warn()
	return p, nil
}

// GetCertificate is for [tls.Config]: it returns the certificate in use, whatever the client asks for.
func (p *Pair) GetCertificate(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	return p.current.Load().certificate, nil
}

// Run watches the files until ctx is done, whose error it returns. One Run at a time will do.
func (p *Pair) Run(ctx context.Context) error {
	return host.EachTick(ctx, p.ticks, watchEvery, func() {
		p.look()
		p.warnOfEnd() // time passes without a change
	})
}

// Names returns the names of the certificate in use, without those no client would take.
func (p *Pair) Names() certs.Names { return p.current.Load().names }

// NotAfter returns when the certificate in use ends.
func (p *Pair) NotAfter() time.Time { return p.current.Load().certificate.Leaf.NotAfter }

// warn tells what is to be said of a pair that has come into use.
func (p *Pair) warn() {
	for _, warning := range p.current.Load().warnings {
		p.tell(Change{Warning: warning})
	}
	p.watched.end = endsLater
	p.warnOfEnd()
}

func (p *Pair) tell(c Change) {
	c.Names, c.NotAfter = p.Names(), p.NotAfter()
	p.changed(c)
}
