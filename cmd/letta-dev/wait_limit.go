package main

import (
	"context"
	"sync"
	"time"
)

// waitLimit is --wait-timeout: one time for all that an `up` waits for, the services and the proxy in front of them. It begins with the
// first of these waits.
type waitLimit struct {
	limit time.Duration
	begin sync.Once
	end   time.Time
}

// bound is ctx until the time is over.
func (p *waitLimit) bound(ctx context.Context) (context.Context, context.CancelFunc) {
	p.begin.Do(func() { p.end = time.Now().Add(p.limit) })
	return context.WithDeadline(ctx, p.end)
}
