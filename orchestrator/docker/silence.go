package docker

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"
)

// An image takes what it takes, as long as something is heard of it: an engine tells of every part of a layer, and a registry that is
// tried again. An archive comes from this machine.
const (
	pullSilence = 3 * time.Minute
	loadSilence = time.Minute
)

// silentError says that nothing was heard of an image for a time.
type silentError struct{ limit time.Duration }

func (e *silentError) Error() string { return fmt.Sprintf("no progress for %s", e.limit) }

// untilSilent is a context that ends with *silentError as its cause when heard was not called for a time. The caller calls stop.
func untilSilent(ctx context.Context, limit time.Duration) (bounded context.Context, heard, stop func()) {
	bounded, cancel := context.WithCancelCause(ctx)
	timer := time.AfterFunc(limit, func() { cancel(&silentError{limit}) })
	return bounded, func() { timer.Reset(limit) }, func() { timer.Stop(); cancel(nil) }
}

// silenceOf is why a context of untilSilent ended, where that was silence.
func silenceOf(ctx context.Context) (*silentError, bool) {
	var silent *silentError
	return silent, errors.As(context.Cause(ctx), &silent)
}

// heardWriter tells of every write that was taken.
type heardWriter struct {
	io.Writer
	heard func()
}

func (w heardWriter) Write(p []byte) (int, error) {
	n, err := w.Writer.Write(p)
	if n > 0 {
		w.heard()
	}
	return n, err
}
