package docker

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/letta-dev/letta-dev/orchestrator"
)

// silentEngine has no image, and answers a pull or a load with these messages, and then with nothing more.
func silentEngine(t *testing.T, reads bool, messages ...string) *Engine {
	server := httptest.NewServer(engineThat(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case strings.HasSuffix(r.URL.Path, "/version"):
			says(200, "application/json", `{"Version":"1"}`)(w, r)
		case strings.HasSuffix(r.URL.Path, "/images/create"), strings.HasSuffix(r.URL.Path, "/images/load"):
			if reads {
				_, _ = io.Copy(io.Discard, r.Body)
			}
			for _, m := range messages {
				fmt.Fprintln(w, m)
				_ = http.NewResponseController(w).Flush()
			}
			<-r.Context().Done()
		default:
			says(404, "application/json", `{"message":"No such image"}`)(w, r)
		}
	}))
	t.Cleanup(server.CloseClientConnections)
	e, err := Find(t.Context(), withEnv(t, map[string]string{"DOCKER_HOST": "tcp://" + server.Listener.Addr().String()}))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = e.Close() })
	e.pullSilence, e.loadSilence = 200*time.Millisecond, 200*time.Millisecond
	return e
}

// What is heard of takes as long as it takes.
func TestUntilSilent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bounded, heard, stop := untilSilent(t.Context(), time.Minute)
		defer stop()
		for range 60 {
			time.Sleep(59 * time.Second) // of the bubble's clock
			heard()
		}
		if err := bounded.Err(); err != nil {
			t.Errorf("it ended while it was heard of: %v", context.Cause(bounded))
		}
		begin := time.Now()
		<-bounded.Done()
		if _, silent := silenceOf(bounded); !silent || time.Since(begin) != time.Minute {
			t.Errorf("it ended after %s with %v", time.Since(begin), context.Cause(bounded))
		}
	})
	ctx, cancel := context.WithCancel(t.Context())
	bounded, _, stop := untilSilent(ctx, time.Minute)
	defer stop()
	cancel()
	<-bounded.Done()
	if _, silent := silenceOf(bounded); silent {
		t.Error("an interrupt counts as silence")
	}
}

// A pull of which nothing more is heard has an end that says so.
func TestASilentPull(t *testing.T) {
	const progress = `{"id":"0123456789ab","status":"Downloading","progressDetail":{"current":1,"total":2}}`
	for name, messages := range map[string][]string{
		"from the first": nil,
		"on its way":     {`{"status":"Pulling from letta/letta","id":"1"}`, progress},
	} {
		t.Run(name, func(t *testing.T) {
			var heard int
			err := silentEngine(t, true, messages...).Do(t.Context(), pullStep("letta/letta:1"), func(orchestrator.Event) { heard++ })
			var pull *orchestrator.PullError
			if !errors.As(err, &pull) || pull.Reason != orchestrator.PullSilent || !strings.HasSuffix(err.Error(), "no progress for 200ms") {
				t.Errorf("got %v", err)
			}
			if heard != max(0, len(messages)-1) {
				t.Errorf("%d of %d messages were of a layer", heard, len(messages))
			}
		})
	}
}

// So has a load, of an engine that takes no byte as well as of one that took all.
func TestASilentLoad(t *testing.T) {
	for _, reads := range []bool{true, false} {
		step := orchestrator.Step{
			Action: orchestrator.Load, Target: "localhost/x:1", Project: project,
			Archive: func(w io.Writer) error { _, err := io.Copy(w, io.LimitReader(zeros{}, 64<<20)); return err },
		}
		err := silentEngine(t, reads).Do(t.Context(), step, nil)
		var gone *orchestrator.EngineGoneError
		if !errors.As(err, &gone) || !strings.HasSuffix(err.Error(), `loading image "localhost/x:1": no progress for 200ms`) {
			t.Errorf("an engine that reads it (%t): %v", reads, err)
		}
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { return len(p), nil }
