package docker

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/letta-dev/letta-dev/orchestrator"
)

// careless is an engine, as much of one as a start needs, that publishes on all interfaces whatever it is asked.
type careless struct {
	mu      sync.Mutex
	started bool
	ranOnce bool
	calls   []string
}

func (c *careless) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	w.Header().Set("Api-Version", "1.41")
	w.Header().Set("Ostype", "linux")
	w.Header().Set("Content-Type", "application/json")
	call := r.Method + " " + strings.TrimPrefix(r.URL.Path, "/v1.41")
	switch {
	case strings.HasSuffix(call, "/start"):
		c.started = true
	case strings.HasSuffix(call, "/json"):
		startedAt, ports := "0001-01-01T00:00:00Z", "{}"
		if c.started || c.ranOnce {
			startedAt = "2026-11-23T04:05:06Z"
		}
		if c.started {
			ports = `{"8283/tcp":[{"HostIp":"0.0.0.0","HostPort":"49153"}]}`
		}
		labels, _ := json.Marshal(ourLabels(project))
		fmt.Fprintf(w, `{"Id":"0123","Name":"/letta","State":{"Running":%t,"StartedAt":%q},"Config":{"Labels":%s},
			"HostConfig":{"PortBindings":{"8283/tcp":[{"HostIp":"127.0.0.1","HostPort":"0"}]}},"NetworkSettings":{"Ports":%s}}`, c.started, startedAt, labels, ports)
		return
	case strings.HasSuffix(call, "/version"):
		fmt.Fprint(w, `{"Version":"1"}`)
		return
	}
	c.calls = append(c.calls, call+"?"+r.URL.RawQuery)
}

// A server published on all interfaces is open to the whole network, so it must not run for longer than it takes to see that.
func TestExposedContainerIsStopped(t *testing.T) {
	for _, ranOnce := range []bool{false, true} {
		engine := &careless{ranOnce: ranOnce}
		server := httptest.NewServer(engine)
		defer server.Close()
		o := withEnv(t, nil)
		o.Host = "tcp://" + server.Listener.Addr().String()
		e, err := Find(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		err = e.Do(t.Context(), orchestrator.Step{Action: orchestrator.Start, Target: "letta", Project: project}, nil)
		if !errors.As(err, new(*exposedError)) || !strings.Contains(err.Error(), "0.0.0.0:49153 instead of 127.0.0.1:0") {
			t.Errorf("the start: %v", err)
		}
		want := "DELETE /containers/0123?force=1&v=1"
		if ranOnce { // then its layer may hold something: stopped, not removed
			want = "POST /containers/0123/stop?t=0"
		}
		if !slices.Contains(engine.calls, want) {
			t.Errorf("ran once %t: want %s, got %q", ranOnce, want, engine.calls)
		}
	}
}

// What the engine warns of, and makes all the same, is told.
func TestWarningsOfTheEngineAreTold(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Api-Version", "1.41")
		w.Header().Set("Ostype", "linux")
		w.Header().Set("Content-Type", "application/json")
		switch {
		case strings.HasSuffix(r.URL.Path, "/containers/create"):
			w.WriteHeader(http.StatusCreated)
			fmt.Fprint(w, `{"Id":"0123","Warnings":["another\u001b[2J platform"]}`)
		case strings.HasSuffix(r.URL.Path, "/version"):
			fmt.Fprint(w, `{"Version":"1"}`)
		case strings.HasSuffix(r.URL.Path, "/json"):
			w.WriteHeader(http.StatusNotFound)
			fmt.Fprint(w, `{"message":"no such container"}`)
		}
	}))
	defer server.Close()
	o := withEnv(t, nil)
	o.Host = "tcp://" + server.Listener.Addr().String()
	e, err := Find(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	spec := &orchestrator.Spec{OurLabels: orchestrator.Labels(ourLabels(project))}
	spec.Image = "an-image"
	var told []string
	err = e.Do(t.Context(), orchestrator.Step{Action: orchestrator.Create, Target: "letta", Project: project, Spec: spec}, func(v orchestrator.Event) {
		if v.Kind == orchestrator.Note {
			told = append(told, v.Text)
		}
	})
	if want := `of container "letta" the engine warns: "another\x1b[2J platform"`; err != nil || len(told) != 1 || told[0] != want {
		t.Errorf("told %q, %v; want %q", told, err, want)
	}
}
