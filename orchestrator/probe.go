package orchestrator

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/letta-dev/letta-dev/crash"
)

const (
	probeEvery  = 50 * time.Millisecond // while a server starts
	otherEvery  = 20                    // probes of the cheapest route for each one of the others, which cost a starting server time
	lookEvery   = 20                    // probes for each new look: an engine may publish a port an instant after the start
	probeTime   = 2 * time.Second       // for one answer
	healthBytes = 64 << 10
)

// health is what Letta's health check answers: {"version":"0.16.8","status":"ok"}.
type health struct {
	Version string `json:"version"`
	Status  string `json:"status"`
}

// Health asks a Letta server whether it is ready: GET /v1/health/ says 200 and status ok. With one worker uvicorn opens its port
// only after the start-up is complete, so this is the truth, and the health endpoints stay open in SECURE mode.
//
// It fails with *AnswerError when what answers is not Letta, or is not ready. A server has 2 s for its answer.
func Health(ctx context.Context, dial func(context.Context) (net.Conn, error)) (version string, err error) {
	return healthWithin(ctx, probeTime, dial)
}

// errHungUp is what a server says that takes connections and closes them. So does docker-proxy until the server in the container
// listens, and net/http has a different error for each moment at which that happens.
var errHungUp = errors.New("it closes connections without an answer")

// healthWithin is Health with a limit of its own. It fails with *unreachedError when no connection could be made.
func healthWithin(ctx context.Context, limit time.Duration, dial func(context.Context) (net.Conn, error)) (version string, err error) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	var connected, answered atomic.Bool
	transport := &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			conn, err := dial(ctx)
			if err != nil {
				return nil, &unreachedError{withoutAddress(err)}
			}
			connected.Store(true)
			return answeringConn{conn, &answered}, nil
		},
		DisableKeepAlives: true,
	}
	defer transport.CloseIdleConnections()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://localhost/v1/health/", nil)
	if err != nil {
		return "", err
	}
	resp, err := transport.RoundTrip(req)
	if err != nil {
		if ctx.Err() == nil && connected.Load() && !answered.Load() {
			err = errHungUp
		}
		return "", err
	}
	defer resp.Body.Close()
	var h health
	wrong := &AnswerError{Code: resp.StatusCode, Server: resp.Header.Get("Server")}
	if resp.StatusCode != http.StatusOK {
		return "", wrong
	}
	if wrong.Err = json.NewDecoder(io.LimitReader(resp.Body, healthBytes)).Decode(&h); wrong.Err != nil {
		return "", wrong
	}
	if h.Status != "ok" {
		return "", fmt.Errorf("the health check says status %q", h.Status)
	}
	return h.Version, nil
}

// answeringConn knows whether anything came from the other side.
type answeringConn struct {
	net.Conn
	answered *atomic.Bool
}

// Read notes that something came.
func (c answeringConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if n > 0 {
		c.answered.Store(true)
	}
	return n, err
}

// withoutAddress is why a connection was not made, without the addresses that package net puts before it: whoever tells of the error
// has named the server.
func withoutAddress(err error) error {
	var op *net.OpError
	if !errors.As(err, &op) || op.Timeout() {
		return err
	}
	switch {
	case errors.Is(op, syscall.ECONNREFUSED):
		return fmt.Errorf("nothing listens there: %w", syscall.ECONNREFUSED)
	case errors.Is(op, syscall.ECONNRESET): // between the connection and the first look at it
		return errHungUp
	}
	return op.Err
}

// unreachedError is a connection that was not made.
type unreachedError struct{ err error }

func (e *unreachedError) Error() string { return e.err.Error() }
func (e *unreachedError) Unwrap() error { return e.err }

// isTimeout says that a server was reached and took too long.
func isTimeout(err error) bool {
	return errors.Is(err, context.DeadlineExceeded) && !errors.As(err, new(*unreachedError))
}

// watchLog turns the marks in a starting server's log into stages.
func (f *Follower) watchLog(ctx context.Context, c Container) {
	defer crash.Recover()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var postgres postgresWatch
	var redis redisWatch
	// A log that cannot be read costs the stages, not the start.
	_ = f.engine.Logs(ctx, c.ID, LogOptions{Follow: true, Since: firstWords(c)}, func(l LogLine) {
		if f.hasAnswered() {
			cancel()
			return
		}
		f.report(Event{Kind: ServerLog, Text: Redact(l.Text)})
		if s := stageOf(l.Text); s != "" && s != StageReady {
			f.stage(s, stamped(l.Time))
		}
		if redis.add(l.Text) {
			stuck := stuckRedis(c.Name)
			if f.target.Container != "" {
				stuck.Advice = fmt.Sprintf("docker exec %[1]s rm -f dump.rdb && docker restart %[1]s", c.Name)
			}
			f.unhealthy(ctx, time.Now(), stuck)
		}
		if cause, advice := postgres.add(l.Text); cause != "" {
			if f.target.Container != "" { // `up` starts nothing that it did not make
				advice = "docker restart " + c.Name + "  # once that is corrected"
			}
			f.unhealthy(ctx, time.Now(), postgres.stuck(c.Name, cause, advice))
		}
	})
}

// died tells each death of the followed container once.
func (f *Follower) died(ctx context.Context, c Container) error {
	s, _ := f.State()
	if told := (*DiedError)(nil); s.Phase == PhaseDown && s.ID == c.ID && errors.As(s.Err, &told) && (!isRestarting(c) || told.Restarts == c.Restarts) {
		return s.Err
	}
	d := deathOf(ctx, f.engine, c, s.Stage)
	if d.Advice == "" && f.target.Container != "" {
		d.Advice = "docker start " + c.Name // `up` starts nothing that it did not make
	}
	return d
}
