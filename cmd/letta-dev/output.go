package main

import (
	"errors"
	"fmt"
	"io"
	"sync"
	"syscall"
)

// output is standard output. It keeps the error of the first write that failed, because much of what writes there, cobra's help among it,
// does not look: a command whose answer did not arrive has failed, whatever it did (as GNU's close_stdout has it).
type output struct {
	to io.Writer

	mu     sync.Mutex
	failed error
}

// outputOf makes w an output, where it is none yet.
func outputOf(w io.Writer) *output {
	if o, ok := w.(*output); ok {
		return o
	}
	return &output{to: w}
}

func (o *output) Write(p []byte) (int, error) {
	n, err := o.to.Write(p)
	if err == nil {
		return n, nil
	}
	err = &outputError{err}
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.failed == nil {
		o.failed = err
	}
	return n, err
}

// err is why the answer did not arrive. A reader that went away, as head does, has what it wanted.
func (o *output) err() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if errors.Is(o.failed, syscall.EPIPE) || errors.Is(o.failed, io.ErrClosedPipe) {
		return nil
	}
	return o.failed
}

// Close closes what is written to, where that can be closed.
func (o *output) Close() error {
	if c, ok := o.to.(io.Closer); ok {
		return c.Close()
	}
	return nil
}

// outputError says that an answer could not be written.
type outputError struct{ err error }

func (e *outputError) Error() string { return fmt.Sprintf("writing the answer: %v", e.err) }
func (e *outputError) Unwrap() error { return e.err }

// Hint looks for room: what the command does is done by then.
func (e *outputError) Hint() string {
	return "df -h  # only the answer is missing, then the same again"
}
