//go:build e2e

package clients_test

import (
	"context"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/letta-dev/letta-dev/e2e/clients"
	"github.com/letta-dev/letta-dev/e2e/model"
)

// bootDeadline leaves room for a busy machine: a first boot takes half a minute on an idle one.
const bootDeadline = 10 * time.Minute

// The three clients and the model work with the server alone. What fails here is not letta-dev's doing.
func TestClientsWithTheServerAlone(t *testing.T) {
	if why := os.Getenv("LETTA_DEV_E2E_NO_SERVER"); why != "" { // run.sh has looked
		t.Skipf("NOT PROVEN: %s: %s", t.Name(), why)
	}
	if out, err := exec.Command("docker", "version").CombinedOutput(); err != nil {
		t.Skipf("LEFT OUT: the real server and its clients: no engine: %s", out)
	}
	if out, err := exec.Command("docker", "image", "inspect", "letta/letta:0.16.8").CombinedOutput(); err != nil {
		t.Skipf("LEFT OUT: the real server and its clients: no image, try make letta-image: %s", out)
	}
	addr, err := model.BridgeAddr(docker(t, "network", "inspect", "bridge", "--format", `{{index .Options "com.docker.network.bridge.name"}}`))
	if err != nil {
		t.Fatal(err)
	}
	llm, err := model.Start(addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { llm.Close() })
	baseURL := startLetta(t, llm)

	for name, install := range map[string]func(context.Context) (*clients.Client, error){
		"curl": clients.Curl, "python": clients.Python, "node": clients.Node,
	} {
		t.Run(name, func(t *testing.T) {
			client, err := install(t.Context())
			if err != nil { // most often for want of the registry
				t.Skipf("NOT PROVEN: %s: the client could not be installed: %v", t.Name(), err)
			}
			talk(t, client, llm, baseURL)
		})
	}
	for message, want := range map[string]string{
		"please fail 500": "failed with 500, as asked",
		"please fail 429": "failed with 429, as asked",
		"please drop":     "error_message",
	} {
		t.Run(message, func(t *testing.T) { talkToFailingModel(t, baseURL, message, want) })
	}
}

// talkToFailingModel expects what Letta makes of a model's failure: a stream that holds an error frame.
func talkToFailingModel(t *testing.T, baseURL, message, want string) {
	curl, err := clients.Curl(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	var frames []string
	err = curl.Talk(ctx, clients.Conversation{
		BaseURL: baseURL, Model: "openai-proxy/" + model.Name, Message: message,
	}, func(e clients.Event) {
		if e.Type == "error_message" {
			frames = append(frames, string(e.Data))
		}
	})
	if err != nil || len(frames) != 1 || !strings.Contains(frames[0], want) {
		t.Errorf("error frames %q (%v), want one with %q", frames, err, want)
	}
}

// talk fails when a piece is held back: the next one is sent only after the client has shown it.
func talk(t *testing.T, client *clients.Client, llm *model.Server, baseURL string) {
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	gate := llm.Gate(client.Name)
	var last clients.Event
	var text strings.Builder
	pieces := 0
	err := client.Talk(ctx, clients.Conversation{
		BaseURL: baseURL, Model: "openai-proxy/" + model.Name, Message: "please wait for " + client.Name,
	}, func(e clients.Event) {
		if piece := e.Text(); piece != "" {
			pieces++
			text.WriteString(piece)
			gate.Open()
		}
		last = e
	})
	if err != nil {
		t.Fatalf("after %d pieces: %v", pieces, err)
	}
	if text.String() != model.Text() || pieces != len(model.Pieces()) {
		t.Errorf("%d pieces: %q, want %d: %q", pieces, text.String(), len(model.Pieces()), model.Text())
	}
	if last.Step != "delete" {
		t.Errorf("the last step is %q, want delete", last.Step)
	}
}

// startLetta runs a server of its own and returns its URL when it is healthy.
func startLetta(t *testing.T, llm *model.Server) string {
	t.Helper()
	id := docker(t, "run", "--detach", "--publish", "127.0.0.1::8283", "--add-host", "host.docker.internal:host-gateway",
		"--env", "OPENAI_API_KEY=any", "--env", "OPENAI_BASE_URL="+llm.URL("host.docker.internal"), "letta/letta:0.16.8")
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(docker(t, "logs", "--tail", "40", id))
		}
		docker(t, "rm", "--force", "--volumes", id)
	})
	url := "http://" + docker(t, "port", id, "8283/tcp")
	ctx, cancel := context.WithTimeout(t.Context(), bootDeadline)
	defer cancel()
	for tick := time.NewTicker(500 * time.Millisecond); !healthy(ctx, url); {
		if docker(t, "inspect", "--format", "{{.State.Running}}", id) != "true" {
			t.Fatal("the server's container has ended")
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("the server is not healthy after %v", bootDeadline)
		}
	}
	return url
}

func healthy(ctx context.Context, url string) bool {
	req, err := http.NewRequestWithContext(ctx, "GET", url+"/v1/health/", nil)
	if err != nil {
		return false
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return false
	}
	resp.Body.Close()
	return resp.StatusCode == http.StatusOK
}

func docker(t *testing.T, args ...string) string {
	t.Helper()
	return command(t, "docker", args...)
}

// command returns what a program prints on stdout, without the line's end.
func command(t *testing.T, name string, args ...string) string {
	t.Helper()
	cmd := exec.Command(name, args...)
	var talk strings.Builder
	cmd.Stderr = &talk
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, talk.String())
	}
	return strings.TrimSpace(string(out))
}
