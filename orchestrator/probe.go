package orchestrator

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/letta-dev/letta-dev/crash"
)

const (
	probeEvery  = 50 * time.Millisecond // while a server starts
	urlEvery    = time.Second           // while a server started by hand answers
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
func Health(ctx context.Context, dial func(context.Context) (net.Conn, error)) (version string, err error) {
	ctx, cancel := context.WithTimeout(ctx, probeTime)
	defer cancel()
	transport := &http.Transport{
		DialContext:       func(ctx context.Context, _, _ string) (net.Conn, error) { return dial(ctx) },
		DisableKeepAlives: true,
	}
	defer transport.CloseIdleConnections()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://localhost/v1/health/", nil)
	if err != nil {
		return "", err
	}
	resp, err := transport.RoundTrip(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	var h health
	if resp.StatusCode != http.StatusOK {
		return "", fmt.Errorf("the health check answers %s", resp.Status)
	}
	if err := json.NewDecoder(io.LimitReader(resp.Body, healthBytes)).Decode(&h); err != nil {
		return "", fmt.Errorf("the health check's answer is not Letta's: %w", err)
	}
	if h.Status != "ok" {
		return "", fmt.Errorf("the health check says status %q", h.Status)
	}
	return h.Version, nil
}

// probeContainer asks until the server in a container answers by one of its routes, which then is the one that is dialled.
func (f *Follower) probeContainer(ctx context.Context, info EngineInfo, c Container) {
	defer crash.Recover()
	tick := time.NewTicker(probeEvery)
	defer tick.Stop()
	for n := 1; ; n++ {
		for i, r := range routes(f.engine, info, c) {
			if i > 0 && n%otherEvery != 0 {
				continue
			}
			if f.tryRoute(ctx, r, c) {
				return
			}
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		if n%lookEvery == 0 {
			c = f.again(ctx, c)
		}
	}
}

// again is the container as it stands now; as it stood when the engine does not say.
func (f *Follower) again(ctx context.Context, c Container) Container {
	have, err := f.engine.Observe(ctx, f.target.query())
	if err != nil {
		return c
	}
	if now := f.target.in(have); now != nil && now.ID == c.ID {
		return *now
	}
	return c
}

func (f *Follower) tryRoute(ctx context.Context, r route, c Container) bool {
	dial := r.dial
	if speaksTLS(c) {
		dial = overTLS(dial)
	}
	port := restPort(c)
	version, err := Health(ctx, func(ctx context.Context) (net.Conn, error) { return dial(ctx, port) })
	if err != nil || ctx.Err() != nil {
		return false
	}
	f.ready(ctx, version, r.name, func(ctx context.Context, p int) (net.Conn, error) {
		switch {
		case p == port:
			return dial(ctx, p)
		case r.name == execName: // a relay connects lazily, so it cannot say whether anything listens
			return nil, errNotPublished
		}
		return r.dial(ctx, p)
	})
	return true
}

// ready takes over the route that answered, unless ctx has ended: stopRun ends it under the same lock, so a run that is over never
// takes the place of what came after it.
func (f *Follower) ready(ctx context.Context, version, route string, dial func(context.Context, int) (net.Conn, error)) {
	f.stage(StageReady)
	f.set(func(s *State) {
		if ctx.Err() != nil {
			return
		}
		f.dial = dial
		s.Phase, s.Stage, s.Err, s.Version, s.Route = PhaseReady, StageReady, nil, version, route
	})
}

// watchLog turns the marks in a starting server's log into stages.
func (f *Follower) watchLog(ctx context.Context, c Container) {
	defer crash.Recover()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	// A log that cannot be read costs the stages, not the start.
	_ = f.engine.Logs(ctx, c.ID, LogOptions{Follow: true, Since: firstWords(c)}, func(l LogLine) {
		if f.phase() == PhaseReady {
			cancel()
			return
		}
		f.report(Event{Kind: ServerLog, Text: Redact(l.Text)})
		if s := stageOf(l.Text); s != "" && s != StageReady {
			f.stage(s)
		}
	})
}

// died tells the death of the followed container, once.
func (f *Follower) died(ctx context.Context, c Container) error {
	s, _ := f.State()
	if s.Phase == PhaseDown && s.ID == c.ID && errors.As(s.Err, new(*DiedError)) {
		return s.Err
	}
	d := deathOf(ctx, f.engine, c, s.Stage)
	if d.Advice == "" && f.target.Container != "" {
		d.Advice = "docker start " + c.Name // `up` starts nothing that it did not make
	}
	return d
}

// followURL asks a server started by hand again and again: nothing tells of its starts and ends.
func (f *Follower) followURL(ctx context.Context) {
	defer crash.Recover()
	u := f.target.URL
	rest := func(ctx context.Context) (net.Conn, error) { return dialURL(ctx, u) }
	dial := func(ctx context.Context, port int) (net.Conn, error) {
		if port != RESTPort {
			return nil, errNotPublished
		}
		return rest(ctx)
	}
	f.mu.Lock()
	f.dial = dial
	f.mu.Unlock()
	if f.target.Unchecked {
		f.ready(ctx, "", u.Host, dial)
		return
	}
	for ctx.Err() == nil {
		version, err := Health(ctx, rest)
		pause := probeEvery
		switch {
		case ctx.Err() != nil:
			return
		case err == nil && f.phase() != PhaseReady:
			f.ready(ctx, version, u.Host, dial)
			pause = urlEvery
		case err == nil:
			pause = urlEvery
		case f.phase() != PhaseDown:
			f.set(func(s *State) { s.Phase, s.Err = PhaseDown, &NoAnswerError{URL: u.String(), Err: err} })
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
		}
	}
}
