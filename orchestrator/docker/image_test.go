package docker

import (
	"strings"
	"testing"

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
	if err := readProgress(strings.NewReader(stream), "letta", report); err != nil {
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
		if err := readProgress(strings.NewReader(stream), "", report); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", stream, err)
		}
	}
}
