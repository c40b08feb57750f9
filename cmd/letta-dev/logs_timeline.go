package main

import (
	"slices"
	"sync"
)

// timeline brings entries of all sources into one order. Those of the history are held until all of it is there, then sorted by
// time; later ones go out as they come. There is no window in which they would wait to be put in order: how long it would have to
// be nobody can say, and every entry has its time on it. It is safe for concurrent use.
type timeline struct {
	options logsOptions
	out     *logPrinter
	stop    func() // called once nothing can be printed any more

	mu       sync.Mutex
	held     []logEntry
	released bool
	err      error
}

func (t *timeline) add(e logEntry) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.options.keeps(e) {
		return
	}
	if t.released {
		t.print(e)
		return
	}
	t.held = append(t.held, e)
	const slack = 4096 // so that sorting is rare
	if n := t.options.tail; n != allEntries && len(t.held) > 2*n+slack {
		t.trim()
	}
}

// empty says whether nothing is held.
func (t *timeline) empty() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.held) == 0
}

// trim sorts what is held and keeps the last of it, as many as wanted.
func (t *timeline) trim() {
	slices.SortStableFunc(t.held, func(a, b logEntry) int { return a.Time.Compare(b.Time) })
	if n := t.options.tail; n != allEntries {
		t.held = t.held[max(0, len(t.held)-n):]
	}
}

// release prints the history, and from then on what comes.
func (t *timeline) release() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.trim()
	for _, e := range t.held {
		t.print(e)
	}
	t.held, t.released = nil, true
}

func (t *timeline) print(e logEntry) {
	if t.err != nil {
		return
	}
	if t.err = t.out.print(e); t.err != nil {
		t.stop()
	}
}

// end prints what a fold still holds, and says why printing failed if it did.
func (t *timeline) end() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.err == nil {
		t.err = t.out.flush()
	}
	return t.err
}
