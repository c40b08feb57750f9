package main

import (
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"runtime"
	"testing"

	"github.com/gofrs/flock"
)

// served is a project whose live lock is held, as by a serving process. What comes to its control socket goes to answer, after the
// connections that are to be closed unanswered.
func served(t *testing.T, unanswered int, answer http.HandlerFunc) (*app, paths, *flock.Flock) {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("the state folder is in the profile there, whose path can be too long for a socket")
	}
	home := t.TempDir()
	env := map[string]string{"HOME": home, "XDG_STATE_HOME": home, "XDG_RUNTIME_DIR": t.TempDir()}
	a := &app{stdout: io.Discard, stderr: io.Discard, dir: home, now: noon, global: globalFlags{project: "test", progress: "quiet", host: "unix://" + home + "/no-engine"},
		env: func(name string) (string, bool) { v, ok := env[name]; return v, ok }}
	a.ui = newUI(a)
	p, err := a.paths("test")
	if err != nil {
		t.Fatal(err)
	}
	if err := p.makeState(); err != nil {
		t.Fatal(err)
	}
	lock := flock.New(p.liveLock())
	if err := lock.Lock(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = lock.Unlock() })
	if err := p.makeSocketFolder(); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("unix", p.socket())
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: answer}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for range unanswered {
			if c, err := l.Accept(); err == nil {
				_ = c.Close()
			}
		}
		_ = server.Serve(l)
	}()
	t.Cleanup(func() { _ = l.Close(); _ = server.Close(); <-ended })
	return a, p, lock
}

// A process that just began has the lock before it answers.
func TestLiveWaitsForTheSocket(t *testing.T) {
	a, p, _ := served(t, 2, func(w http.ResponseWriter, _ *http.Request) { _ = json.NewEncoder(w).Encode(liveStatus{PID: 7}) })
	live, err := a.live(context.Background(), p)
	if err != nil || live == nil || live.PID != 7 {
		t.Errorf("a process that begins: %v, %v; want its status", live, err)
	}
}

// One that is about to end has closed its socket before it lets the lock go.
func TestLiveOfAProcessThatEnds(t *testing.T) {
	var a *app
	var p paths
	var lock *flock.Flock
	a, p, lock = served(t, 0, func(http.ResponseWriter, *http.Request) {
		_ = lock.Unlock()
		panic(http.ErrAbortHandler)
	})
	if live, err := a.live(context.Background(), p); err != nil || live != nil {
		t.Errorf("a process that ends: %v, %v; want nothing", live, err)
	}
	if err := lock.Lock(); err != nil {
		t.Fatal(err)
	}
	if was, err := a.stopServing(context.Background(), p, defaultWait); err != nil || was {
		t.Errorf("stopping a process that ends: %v, %v; want that there was none to stop", was, err)
	}
}

// While `down` ends the serving process no `up` may begin, or it would be left without its containers.
func TestDownStopsUnderTheLock(t *testing.T) {
	var a *app
	var p paths
	var lock *flock.Flock
	free := true
	a, p, lock = served(t, 0, func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet {
			_ = json.NewEncoder(w).Encode(liveStatus{Server: liveServer{Kind: "upstream"}})
			return
		}
		plan := flock.New(p.planLock())
		free, _ = plan.TryLock()
		_ = plan.Unlock()
		w.WriteHeader(http.StatusAccepted)
		_ = lock.Unlock()
	})
	if err := a.down(context.Background(), downOptions{waitTimeout: defaultWait}); err != nil {
		t.Fatal(err)
	}
	if free {
		t.Error("another command could lock the project while down ended its serving process")
	}
}
