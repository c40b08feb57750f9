package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"time"
)

// handoverTime bounds how long a background process may take to say that it is ready: it binds ports and reads files.
const handoverTime = 30 * time.Second

// startBackground starts the serving process in the background and returns when it says that it is ready, or why it is not. The
// child lives on after this process; its own words go to a file, because nobody reads its terminal.
func (a *app) startBackground(ctx context.Context, cfg serveConfig) (*liveStatus, error) {
	if err := cfg.Files.makeState(); err != nil {
		return nil, err
	}
	words, err := open(cfg.Files.output(), os.O_WRONLY|os.O_TRUNC, cfg.Files.Owner)
	if err != nil {
		return nil, cfg.Files.stateProblem("starting in the background", err)
	}
	defer words.Close()
	told, err := json.Marshal(cfg)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, handoverTime)
	defer cancel()
	child := exec.Command(a.exe, serveCommand, "--progress", "plain", "--color", "never")
	child.Dir = "/" // it must not hold the folder it was started in
	child.Stdin, child.Stderr = bytes.NewReader(told), words
	child.SysProcAttr = detached()
	pipe, err := child.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := child.Start(); err != nil {
		return nil, fmt.Errorf("starting in the background: %w", err)
	}
	live, err := readHandover(ctx, pipe)
	if err != nil {
		_ = child.Process.Kill() // it said that it failed, or said nothing in time
		_ = child.Wait()
		return nil, err
	}
	return live, child.Process.Release()
}

// readHandover waits for the child's word. The end of the pipe without one is a child that died.
func readHandover(ctx context.Context, pipe io.ReadCloser) (*liveStatus, error) {
	stop := context.AfterFunc(ctx, func() { pipe.Close() })
	defer stop()
	var h handover
	if err := json.NewDecoder(pipe).Decode(&h); err != nil {
		if ctx.Err() != nil {
			err = ctx.Err()
		}
		return nil, &handoverError{err}
	}
	if h.Failed != nil {
		h.Failed.Exit = h.Exit
		return nil, &remoteError{*h.Failed}
	}
	return h.Ready, nil
}

// remoteError is an error of the background process, as it explained it.
type remoteError struct{ explanation }

func (e *remoteError) Error() string { return e.Message }
func (e *remoteError) Hint() string  { return e.explanation.Hint }

// handoverError says that the background process ended or hung before it said anything.
type handoverError struct{ err error }

func (e *handoverError) Error() string {
	return fmt.Sprintf("the background process did not say that it is ready: %v", e.err)
}

func (e *handoverError) Unwrap() error { return e.err }

// Hint runs it where its words can be seen.
func (e *handoverError) Hint() string { return "letta-dev up  # in the foreground" }

// fingerprint is a short hash of all that a serving process is told: the same one serves what is wanted, another must be replaced.
// Whether it does so in the foreground, or under sudo, is no difference.
func (c serveConfig) fingerprint() string {
	c.Background, c.Files.Owner = false, nil
	b, err := json.Marshal(c)
	if err != nil { // strings, numbers and slices always marshal
		panic(err)
	}
	return shortID(version() + string(b))
}

func shortID(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:6])
}
