package proxy

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/letta-dev/letta-dev/proxy/http1"
	"github.com/letta-dev/letta-dev/proxy/policy"
)

// smallEnough refuses a body whose length says that it is too large. One that does not say is cut while it comes.
func smallEnough(p *Proxy, r *request) *answer {
	most := p.table.MaxBody
	if most == 0 || r.Framing.Kind != http1.Sized || r.Framing.Length <= most {
		return nil
	}
	return tooLarge(most)
}

// errTooLarge ends the reading of a body that is larger than the policy allows.
var errTooLarge = errors.New("the body is larger than the policy allows")

func tooLarge(most int64) *answer {
	return &answer{
		status: http.StatusRequestEntityTooLarge, code: "body_too_large",
		message: fmt.Sprintf("the request body is larger than %s, the most that is allowed here", policy.FormatSize(most)),
		hint:    "raise x-letta-dev.limits.body in compose.yaml, or --max-body",
	}
}

// inRate refuses a client that asks too often.
func inRate(p *Proxy, r *request) *answer {
	if p.pace == nil {
		return nil
	}
	wait := p.pace.take(r.from, p.config.Now())
	if wait == 0 {
		return nil
	}
	seconds := int64((wait + time.Second - 1) / time.Second)
	return &answer{
		status: http.StatusTooManyRequests, code: "too_many_requests",
		message: fmt.Sprintf("more than %s requests from this address", p.table.Rate),
		hint:    "raise x-letta-dev.limits.rate in compose.yaml, or --rate",
		fields:  http1.Fields{{Name: "Retry-After", Value: strconv.FormatInt(seconds, 10)}},
	}
}

// A rateLimiter is a token bucket for every client. Of each it knows only when its bucket will be full again (the generic cell
// rate algorithm of ATM, ITU-T I.371): a client whose time has come is as one never seen, and forgotten.
type rateLimiter struct {
	interval time.Duration // for one token
	burst    time.Duration // for all the tokens of a full bucket

	mu   sync.Mutex
	full map[string]time.Time
}

// maxClients bounds the clients a rateLimiter knows. Those beyond it share a bucket.
const maxClients = 4096

func newRateLimiter(r policy.Rate) *rateLimiter {
	if r == (policy.Rate{}) {
		return nil
	}
	return &rateLimiter{interval: r.Interval(), burst: time.Duration(r.Burst()) * r.Interval(), full: map[string]time.Time{}}
}

// take takes a token, or returns how long it is until there is one.
func (l *rateLimiter) take(client string, now time.Time) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	client = l.known(client, now)
	full := l.full[client]
	if full.Before(now) {
		full = now
	}
	full = full.Add(l.interval)
	if wait := full.Sub(now) - l.burst; wait > 0 {
		return wait
	}
	l.full[client] = full
	return 0
}

// known returns the bucket of a client: its own, or where there are too many, that of all strangers.
func (l *rateLimiter) known(client string, now time.Time) string {
	if _, ok := l.full[client]; ok || len(l.full) < maxClients {
		return client
	}
	for other, full := range l.full {
		if !full.After(now) {
			delete(l.full, other)
		}
	}
	if len(l.full) < maxClients {
		return client
	}
	return "strangers"
}
