package main

import (
	"errors"
	"sync"

	"github.com/letta-dev/letta-dev/crash"
)

// group runs functions beside each other and joins their errors. Unlike an errgroup it ends none of them for another's failure.
type group struct {
	running sync.WaitGroup
	mu      sync.Mutex
	errs    []error
}

func (g *group) add(f func() error) {
	g.running.Go(func() {
		defer crash.Recover()
		if err := f(); err != nil {
			g.mu.Lock()
			g.errs = append(g.errs, err)
			g.mu.Unlock()
		}
	})
}

func (g *group) wait() error {
	g.running.Wait()
	return errors.Join(g.errs...)
}
