package demo_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/letta-dev/letta-dev/orchestrator/demo"
)

// network is a listener and the way to dial it, all in memory, so that a test may
// run in a bubble of [synctest] where time is not real.
type network struct {
	conns  chan net.Conn
	closed chan struct{}
}

func newNetwork() *network {
	return &network{make(chan net.Conn), make(chan struct{})}
}

func (n *network) Accept() (net.Conn, error) {
	select {
	case c := <-n.conns:
		return c, nil
	case <-n.closed:
		return nil, net.ErrClosed
	}
}

func (n *network) Close() error   { close(n.closed); return nil }
func (n *network) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 8283} }

func (n *network) client() *http.Client {
	return &http.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(context.Context, string, string) (net.Conn, error) {
			here, there := net.Pipe()
			n.conns <- there
			return here, nil
		},
	}}
}

// serving runs Serve in a bubble. stop ends it and returns its log. Nothing may be
// written to the log after that.
func serving(t *testing.T, opts demo.Options) (n *network, stop func() string) {
	var log bytes.Buffer
	opts.Log = &log
	n = newNetwork()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- demo.Serve(ctx, n, opts) }()
	return n, func() string {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Serve: %v", err)
		}
		said := log.String()
		synctest.Wait()
		if late := strings.TrimPrefix(log.String(), said); late != "" {
			t.Errorf("the log goes on after the end of Serve: %q", late)
		}
		return said
	}
}

func stream(t *testing.T, n *network) io.ReadCloser {
	t.Helper()
	const path = "http://demo/v1/agents/agent-00000000-0000-4000-8000-00000000de30/messages/stream"
	resp, err := n.client().Post(path, "application/json", strings.NewReader(`{"input":"hi","stream_tokens":true}`))
	if err != nil {
		t.Fatal(err)
	}
	return resp.Body
}

func TestServeLetsAnAnswerFinish(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, stop := serving(t, demo.Options{})
		begin := time.Now()
		body := stream(t, n)
		nextEvent(t, bufio.NewReader(body))
		rest := make(chan string)
		go func() {
			data, _ := io.ReadAll(body)
			rest <- string(data)
		}()
		stopped := make(chan string)
		go func() { stopped <- stop() }()
		if got := <-rest; !strings.HasSuffix(got, "data: [DONE]\n\n") {
			t.Errorf("the stream was cut: %q", got)
		}
		log := <-stopped
		// Ten pieces, 100 ms each, and what Shutdown takes to notice the end.
		if took := time.Since(begin); took < time.Second || took > 2*time.Second {
			t.Errorf("took %v", took)
		}
		for _, want := range []string{
			"no model, no database", "letta-dev demo server ready on http://127.0.0.1:8283\n",
			"POST /v1/agents/", "/stream 200 1000 ms\n", "demo server stopping\n", "demo server stopped\n",
		} {
			if !strings.Contains(log, want) {
				t.Errorf("no %q in the log:\n%s", want, log)
			}
		}
	})
}

func TestServeEndsAnAnswerThatDoesNot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, stop := serving(t, demo.Options{Pace: func(ctx context.Context) error {
			<-ctx.Done()
			return ctx.Err()
		}})
		body := bufio.NewReader(stream(t, n))
		nextEvent(t, body)
		begin := time.Now()
		stop()
		if took := time.Since(begin); took != 5*time.Second {
			t.Errorf("stopped after %v", took)
		}
		if _, err := body.ReadByte(); err == nil {
			t.Error("the stream goes on")
		}
	})
}

func TestLogIsOneLineForEachRequestButHealth(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, stop := serving(t, demo.Options{})
		for _, path := range []string{"/v1/health/", "/v1/agents/", "/a%0Aforged%1b[31m", "/v1/health"} {
			resp, err := n.client().Get("http://demo" + path)
			if err != nil {
				t.Fatal(err)
			}
			resp.Body.Close()
		}
		log := stop()
		if strings.Contains(log, "health") || !strings.Contains(log, "GET /v1/agents/ 200 0 ms\n") {
			t.Errorf("log:\n%s", log)
		}
		if !strings.Contains(log, "GET /a%0Aforged%1b[31m 404 0 ms\n") {
			t.Errorf("a path is not on one line:\n%q", log)
		}
	})
}

func TestServeSaysWhyItCouldNot(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ln.Close()
	err = demo.Serve(t.Context(), ln, demo.Options{})
	if !errors.Is(err, net.ErrClosed) || !strings.Contains(err.Error(), ln.Addr().String()) {
		t.Errorf("got %v", err)
	}
}
