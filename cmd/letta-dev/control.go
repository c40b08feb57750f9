package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/letta-dev/letta-dev/certs"
	"github.com/letta-dev/letta-dev/crash"
	"github.com/letta-dev/letta-dev/proxy"
)

// liveStatus is what a serving process says of itself.
type liveStatus struct {
	PID         int            `json:"pid"`
	Version     string         `json:"version"`
	Started     time.Time      `json:"started"`
	Background  bool           `json:"background"`
	Config      string         `json:"config"` // fingerprint of its serveConfig
	Server      liveServer     `json:"server"`
	Listeners   []boundAddress `json:"listeners"`
	URLs        []serviceURL   `json:"urls"`
	Hosts       []string       `json:"hosts"`
	Origins     []string       `json:"origins"`
	WebSocket   string         `json:"websocket"` // pass-through, upstream or bridge
	Policy      proxy.Table    `json:"policy"`
	Certificate *leafInfo      `json:"certificate,omitempty"`
	CertFile    string         `json:"certFile,omitempty"` // that somebody brought; empty: the certificate is ours
	Notes       []string       `json:"notes,omitempty"`
}

// liveServer is how the serving process sees the server behind it.
type liveServer struct {
	Kind    string    `json:"kind"` // managed, attached, upstream, demo
	Name    string    `json:"name"`
	Phase   string    `json:"phase"`
	Stage   string    `json:"stage,omitempty"`
	Since   time.Time `json:"since"`
	Route   string    `json:"route,omitempty"`
	Version string    `json:"version,omitempty"`
	Cause   string    `json:"cause,omitempty"`
	Hint    string    `json:"hint,omitempty"`
}

// withoutEngine says that a process serves a server that is in no container.
func (l *liveStatus) withoutEngine() bool {
	return l != nil && (l.Server.Kind == "upstream" || l.Server.Name == inProcessDemo)
}

// ownPair says that a process serves a certificate that somebody brought: no authority of ours has a part in it.
func (l *liveStatus) ownPair() bool {
	return l != nil && l.CertFile != "" && l.Certificate != nil
}

// covers says that clients accept what is served under a host.
func (l *liveStatus) covers(host string) bool {
	return !l.ownPair() || certs.Names(l.Certificate.Names).Covers(host)
}

// leafInfo is the certificate that is served.
type leafInfo struct {
	Names    []string  `json:"names"`
	NotAfter time.Time `json:"notAfter"`
}

// control serves the control socket, which only the user whose files these are can open, and root.
type control struct {
	app    *app
	files  paths
	server *http.Server

	mu     sync.Mutex
	socket net.Listener
	closed bool
}

// listenControl makes the control socket. The live lock is held, so a socket file that is there was left behind by a process that is gone.
func (s *serving) listenControl() (*control, error) {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /status", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(s.live(r.Context())) // a client that went away needs no answer
	})
	mux.HandleFunc("POST /stop", func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusAccepted)
		_ = http.NewResponseController(w).Flush() // before the stop, which cuts this connection too
		s.stop()
	})
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer crash.Recover() // net/http would go on after one, and write the stack to our terminal
		mux.ServeHTTP(w, r)
	})
	c := &control{app: s.app, files: s.cfg.Files, server: &http.Server{Handler: handler, ReadHeaderTimeout: 5 * time.Second}}
	return c, c.listenAgain()
}

// listenAgain makes the socket where it is not there.
func (c *control) listenAgain() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return nil
	}
	if err := c.files.makeSocketFolder(); err != nil {
		return err
	}
	path := c.files.socket()
	if c.socket != nil {
		if _, err := os.Lstat(path); err == nil || !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	var l net.Listener
	err := c.files.Owner.Make(path, func() (err error) {
		l, err = c.files.makeSocket(path)
		return err
	})
	if err != nil {
		return err
	}
	if old, ok := c.socket.(*net.UnixListener); ok {
		old.SetUnlinkOnClose(false) // that file is the new one's
		_ = old.Close()
	}
	c.socket = l
	go func() {
		defer crash.Recover()
		_ = c.server.Serve(l) // ends by Close
	}()
	return nil
}

func (p paths) makeSocket(path string) (net.Listener, error) {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, p.stateProblem("removing the control socket of a process that is gone", err)
	}
	l, err := net.Listen("unix", path)
	if err != nil {
		return nil, p.stateProblem("making the control socket", err)
	}
	if err := os.Chmod(path, 0o600); err != nil { // the folder is 0700 before that
		l.Close()
		return nil, p.stateProblem("making the control socket private", err)
	}
	return l, nil
}

// Close ends it, with the requests under way: they wait for this process to end. A folder made for the socket alone goes with it.
func (c *control) Close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	path := c.socket.Addr().String()
	_ = c.files.Owner.Make(path, c.server.Close) // which removes the socket
	if dir := filepath.Dir(path); dir != c.files.State {
		_ = os.Remove(dir)
	}
}

// controlTime bounds a question to a serving process: it answers from memory, but for the second that a look for a WebSocket server
// in the container may take.
const controlTime = 3 * time.Second

// live asks the project's serving process how it stands; nil when there is none.
func (a *app) live(ctx context.Context, p paths) (*liveStatus, error) {
	resp, err := a.reach(ctx, p, http.MethodGet, "/status")
	if err != nil || resp == nil {
		return nil, err
	}
	defer resp.Body.Close()
	var live liveStatus
	if err := json.NewDecoder(resp.Body).Decode(&live); err != nil {
		return nil, &unresponsiveError{holderOf(p.liveLock()), err}
	}
	return &live, nil
}

// isFree says whether no process serves the project: whether its live lock can be had.
func (p paths) isFree() (bool, error) {
	if _, err := os.Stat(p.liveLock()); errors.Is(err, fs.ErrNotExist) || isNoFolder(err) {
		return true, nil
	}
	lock := lockOf(p.liveLock(), p.Owner)
	held, err := lock.TryLock()
	if err != nil {
		return false, p.stateProblem("looking for a running letta-dev", err)
	}
	if held {
		return true, lock.Unlock()
	}
	return false, nil
}

// reach sends a request to the project's serving process; the response is nil when there is none. A process that begins or ends has
// the live lock and no control socket, so who cannot be reached is tried again for as long as the lock is held, within controlTime.
func (a *app) reach(ctx context.Context, p paths, method, path string) (*http.Response, error) {
	late := time.Now().Add(controlTime)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		free, err := p.isFree()
		if err != nil || free {
			return nil, err
		}
		if h := holderOf(p.liveLock()); h.suspended() {
			return nil, &unresponsiveError{h, errors.New("it is suspended")}
		}
		resp, err := a.ask(ctx, p, method, path)
		if err == nil {
			return resp, nil
		}
		if time.Now().After(late) {
			return nil, &unresponsiveError{holderOf(p.liveLock()), err}
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

func (a *app) ask(ctx context.Context, p paths, method, path string) (*http.Response, error) {
	if err := p.checkSocketFolder(); err != nil {
		return nil, err
	}
	client := &http.Client{
		Timeout: controlTime,
		Transport: &http.Transport{
			DisableKeepAlives: true,
			DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
				return new(net.Dialer).DialContext(ctx, "unix", p.socket())
			},
		},
	}
	req, err := http.NewRequestWithContext(ctx, method, "http://control"+path, nil)
	if err != nil {
		return nil, err
	}
	return client.Do(req)
}

// awaitServing returns when the project's serving process is not suspended, or when there is none.
func (a *app) awaitServing(ctx context.Context, p paths, patience time.Duration) error {
	return a.waitHolder(ctx, p.liveLock(), "serves this project", patience, func() (bool, error) {
		free, err := p.isFree()
		return free || !holderOf(p.liveLock()).suspended(), err
	})
}

// stopServing ends the project's serving process and returns when it is gone, within patience. It says whether there was one.
func (a *app) stopServing(ctx context.Context, p paths, patience time.Duration) (was bool, err error) {
	resp, err := a.reach(ctx, p, http.MethodPost, "/stop")
	if err != nil || resp == nil {
		return false, err
	}
	resp.Body.Close()
	lock := lockOf(p.liveLock(), p.Owner)
	if err := a.waitLock(ctx, lock, "ends, and lets streams finish before", patience); err != nil {
		return true, err
	}
	return true, lock.Unlock()
}

// unresponsiveError says that a process holds the project's lock and does not answer.
type unresponsiveError struct {
	holder holder
	err    error
}

func (e *unresponsiveError) Error() string {
	return fmt.Sprintf("%s serves this project and does not answer: %v", e.holder, e.err)
}

func (e *unresponsiveError) Unwrap() error { return e.err }

// Hint has it go on, or ends it.
func (e *unresponsiveError) Hint() string { return e.holder.advice() }
