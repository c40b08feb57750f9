package demo_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/letta-dev/letta-dev/orchestrator/demo"
)

// engine speaks the few calls of the Docker API that this test needs.
type engine struct {
	t    *testing.T
	http *http.Client
}

// needEngine returns the local engine, or skips the test.
func needEngine(t *testing.T) engine {
	socket := strings.TrimPrefix(os.Getenv("DOCKER_HOST"), "unix://")
	if socket == "" {
		socket = "/var/run/docker.sock"
	}
	transport := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", socket)
	}}
	t.Cleanup(transport.CloseIdleConnections)
	e := engine{t, &http.Client{Transport: transport}}
	resp, err := e.http.Get("http://engine/_ping")
	if err != nil {
		t.Skipf("no engine answers: %v", err)
	}
	resp.Body.Close()
	return e
}

// call sends a request and decodes its answer, if into is not nil. It fails the
// test on an error of the engine, which may hide in the body of a 200.
func (e engine) call(method, path string, body io.Reader, into any) {
	e.t.Helper()
	req, err := http.NewRequest(method, "http://engine/v1.41"+path, body)
	if err != nil {
		e.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	if strings.HasPrefix(path, "/images/load") {
		req.Header.Set("Content-Type", "application/x-tar")
	}
	resp, err := e.http.Do(req)
	if err != nil {
		e.t.Fatal(err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode >= 300 || bytes.Contains(data, []byte(`{"error`)) {
		e.t.Fatalf("%s %s: %s %s %v", method, path, resp.Status, data, err)
	}
	if into != nil {
		unmarshal(e.t, data, into)
	}
}

func TestEngineLoadsAndRunsTheImage(t *testing.T) {
	e := needEngine(t)
	img := newImage(t, build(t, "server", engineArch(e)), demo.ImageOptions{
		Command: []string{"0.0.0.0:8283"},
		Labels:  map[string]string{"dev.letta.test": t.Name()},
	})
	e.call("POST", "/images/load?quiet=1", bytes.NewReader(archive(t, img)), nil)
	t.Cleanup(func() { e.call("DELETE", "/images/"+url.PathEscape(img.Ref), nil, nil) })

	var loaded struct {
		Created string
		Config  struct {
			Labels       map[string]string
			ExposedPorts map[string]struct{}
		}
	}
	e.call("GET", "/images/"+url.PathEscape(img.Ref)+"/json", nil, &loaded)
	if loaded.Config.Labels[demo.HashLabel] != img.Hash || loaded.Config.Labels["dev.letta.test"] != t.Name() {
		t.Errorf("labels %v, want hash %s", loaded.Config.Labels, img.Hash)
	}
	if _, ok := loaded.Config.ExposedPorts["8283/tcp"]; !ok || !strings.HasPrefix(loaded.Created, "1970-01-01") {
		t.Errorf("ports %v, created %s", loaded.Config.ExposedPorts, loaded.Created)
	}

	var container struct{ ID string }
	e.call("POST", "/containers/create", jsonBody(map[string]any{
		"Image": img.Ref,
		"HostConfig": map[string]any{"PortBindings": map[string]any{
			"8283/tcp": []any{map[string]string{"HostIp": "127.0.0.1", "HostPort": ""}},
		}},
	}), &container)
	t.Cleanup(func() { e.call("DELETE", "/containers/"+container.ID+"?force=1&v=1", nil, nil) })
	e.call("POST", "/containers/"+container.ID+"/start", nil, nil)

	e.waitForLog(container.ID, "letta-dev demo server ready")
	if body := e.fetch(container.ID, "/v1/health/"); !strings.Contains(body, `"version":"demo"`) {
		t.Errorf("health: %s", body)
	}
	e.call("POST", "/containers/"+container.ID+"/stop?t=10", nil, nil)
	var stopped struct{ State struct{ ExitCode int } }
	e.call("GET", "/containers/"+container.ID+"/json", nil, &stopped)
	if stopped.State.ExitCode != 0 {
		t.Errorf("exit code %d", stopped.State.ExitCode)
	}
	e.waitForLog(container.ID, "letta-dev demo server stopped")
}

func engineArch(e engine) string {
	var version struct{ Arch string }
	e.call("GET", "/version", nil, &version)
	return version.Arch
}

// waitForLog follows the container's log until it has text.
func (e engine) waitForLog(id, text string) {
	e.t.Helper()
	ctx, cancel := context.WithTimeout(e.t.Context(), time.Minute)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, "GET", "http://engine/v1.41/containers/"+id+"/logs?stdout=1&stderr=1&follow=1", nil)
	if err != nil {
		e.t.Fatal(err)
	}
	resp, err := e.http.Do(req)
	if err != nil {
		e.t.Fatal(err)
	}
	defer resp.Body.Close()
	var seen []byte
	for buf := make([]byte, 4096); !bytes.Contains(seen, []byte(text)); {
		n, err := resp.Body.Read(buf)
		if seen = append(seen, buf[:n]...); err != nil && !bytes.Contains(seen, []byte(text)) {
			e.t.Fatalf("the log ended (%v) without %q:\n%s", err, text, seen)
		}
	}
}

// fetch asks the container through its published port.
func (e engine) fetch(id, path string) string {
	e.t.Helper()
	var running struct {
		NetworkSettings struct {
			Ports map[string][]struct{ HostPort string }
		}
	}
	e.call("GET", "/containers/"+id+"/json", nil, &running)
	ports := running.NetworkSettings.Ports["8283/tcp"]
	if len(ports) == 0 {
		e.t.Fatalf("no published port in %+v", running)
	}
	resp, err := http.Get(fmt.Sprintf("http://127.0.0.1:%s%s", ports[0].HostPort, path))
	if err != nil {
		e.t.Fatal(err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		e.t.Fatal(err)
	}
	return string(data)
}

func jsonBody(v any) io.Reader {
	data, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return bytes.NewReader(data)
}
