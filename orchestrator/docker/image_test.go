package docker

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"

	"github.com/letta-dev/letta-dev/orchestrator"
)

func TestClassify(t *testing.T) {
	for text, want := range map[string]orchestrator.PullReason{
		"manifest for letta/letta:0.0.0 not found: manifest unknown: manifest unknown":                                                                     orchestrator.PullNotFound,
		"pull access denied for letta/lettta, repository does not exist or may require 'docker login': denied: requested access to the resource is denied": orchestrator.PullNotFound,
		"initializing source docker://localhost:1/x: reading manifest 1 in localhost:1/x: name unknown":                                                    orchestrator.PullNotFound,
		"Get \"https://ghcr.io/v2/a/b/manifests/1\": unauthorized":                                                                                         orchestrator.PullNeedsLogin,
		"Get \"http://127.0.0.1:5000/v2/x/manifests/1\": no basic auth credentials":                                                                        orchestrator.PullNeedsLogin,
		"toomanyrequests: You have reached your unauthenticated pull rate limit. https://www.docker.com/increase-rate-limit":                               orchestrator.PullNeedsLogin,
		"error parsing HTTP 403 response body: denied: Permission denied for \"latest\"":                                                                   orchestrator.PullNeedsLogin,
		"Get \"https://registry-1.docker.io/v2/\": dial tcp: lookup registry-1.docker.io on 1.1.1.1:53: no such host":                                      orchestrator.PullNoNetwork,
		"Get \"http://127.0.0.1:40123/v2/\": dial tcp 127.0.0.1:40123: connect: connection refused":                                                        orchestrator.PullNoNetwork,
		"Get \"https://registry-1.docker.io/v2/\": net/http: request canceled while waiting for connection (Client.Timeout exceeded)":                      orchestrator.PullNoNetwork,
		"Get \"https://registry-1.docker.io/v2/\": net/http: TLS handshake timeout":                                                                        orchestrator.PullNoNetwork,
		"failed to register layer: Error processing tar file(exit status 1): write /usr/lib/x: no space left on device":                                    orchestrator.PullDiskFull,
		"Get \"https://registry.local/v2/\": x509: certificate signed by unknown authority":                                                                orchestrator.PullOther,
	} {
		if got := classify(text); got != want {
			t.Errorf("%s: %s", text, got)
		}
	}
}

func TestReadProgress(t *testing.T) {
	var events []orchestrator.Event
	stream := `{"status":"Pulling from letta/letta","id":"0.16.8"}
		{"status":"Pulling fs layer","progressDetail":{},"id":"0123456789ab"}
		{"status":"Downloading","progressDetail":{"current":5,"total":10},"id":"0123456789ab"}
		{"stream":"Loaded image: x\n"}{"status":"Digest: sha256:00"}`
	report := func(e orchestrator.Event) { events = append(events, e) }
	if err := readProgress(strings.NewReader(stream), "letta", func() {}, report); err != nil {
		t.Fatal(err)
	}
	if len(events) != 2 || events[1] != (orchestrator.Event{
		Kind: orchestrator.Progress, Service: "letta", Layer: "0123456789ab", Text: "Downloading", Current: 5, Total: 10,
	}) {
		t.Errorf("events %+v", events)
	}
	for stream, want := range map[string]string{
		`{"errorDetail":{"message":"no space left"},"error":"no space left"}`: "no space left",
		`{"error":"only this, from Podman"}`:                                  "only this, from Podman",
		`{"status":"Downloading"`:                                             "unexpected EOF",
		`not json`:                                                            "invalid character",
	} {
		if err := readProgress(strings.NewReader(stream), "", func() {}, report); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", stream, err)
		}
	}
}

// Only what letta-dev loaded under a demo's name is the demo: not an image that somebody tagged with it, and not one that was committed
// from the demo, which has its labels.
func TestAnotherImageOfTheDemosName(t *testing.T) {
	e := withProbe(t)
	const hash = "0123456789abcdef"
	demo := orchestrator.DemoImage + ":" + hash[:12]
	remove := orchestrator.Step{Action: orchestrator.RemoveImage, Target: demo, Project: project}
	t.Cleanup(func() {
		_, _ = e.api.ImageRemove(context.Background(), demo, client.ImageRemoveOptions{})
	})
	observed := func() orchestrator.Image {
		o, err := e.Observe(t.Context(), orchestrator.Query{Images: []string{demo}})
		if err != nil {
			t.Fatal(err)
		}
		return o.Images[demo]
	}
	isForeign := func(what string) {
		t.Helper()
		if image := observed(); image.ID == "" || image.IsDemo(demo) {
			t.Errorf("%s: observed as %+v", what, image)
		}
		var foreign *orchestrator.ForeignError
		if err := e.Do(t.Context(), remove, nil); !errors.As(err, &foreign) || observed().ID == "" {
			t.Errorf("%s: removed with %v", what, err)
		}
	}
	archive := imageArchive(t, demo, []byte("a demo"), map[string]string{orchestrator.LabelDemo: hash})
	must(t, e, orchestrator.Step{Action: orchestrator.Load, Target: demo, Archive: func(w io.Writer) error { _, err := w.Write(archive); return err }})
	if image := observed(); !image.IsDemo(demo) {
		t.Errorf("loaded by letta-dev: %+v", image)
	}
	const name = "ldt-docker-demo"
	discardRaw(t, e, name)
	c, err := e.api.ContainerCreate(t.Context(), client.ContainerCreateOptions{Name: name, Image: demo})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := e.api.ContainerCommit(t.Context(), c.ID, client.ContainerCommitOptions{Reference: demo, Config: &container.Config{}}); err != nil {
		t.Fatal(err)
	}
	isForeign("a commit of the demo")
	if _, err := e.api.ImageTag(t.Context(), client.ImageTagOptions{Source: e.qualify(probeImage), Target: demo}); err != nil {
		t.Fatal(err)
	}
	isForeign("an image tagged with its name")
}
