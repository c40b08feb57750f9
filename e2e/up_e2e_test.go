//go:build e2e

// Package e2e_test is letta-dev as its users meet it: the built program, a real engine, the real Letta server, real clients.
package e2e_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/letta-dev/letta-dev/e2e/clients"
	"github.com/letta-dev/letta-dev/e2e/model"
)

// A newcomer's first day, in the order of its hours; each hour builds on the ones before.
func TestTheMainJob(t *testing.T) {
	w := newWorld(t, "ldt-e2e")
	w.env()
	for _, hour := range []struct {
		name string
		does func(*testing.T, *world)
	}{
		{"up", firstUp},
		{"trusted https", trustedHTTPS},
		{"curl", talks(clients.Curl)},
		{"python", talks(clients.Python)},
		{"node", talks(clients.Node)},
		{"port 8282", port8282},
		{"a large body", largeBody},
		{"logs", timeline},
		{"second up", secondUp},
		{"a variable changes", variableChanges},
		{"the container is killed", killed},
		{"down", downKeepsData},
		{"up again", upAgain},
	} {
		if !t.Run(hour.name, func(t *testing.T) { w.t = t; hour.does(t, w) }) {
			break // the rest of the day would fail for the same reason
		}
	}
	w.t = t
}

func firstUp(t *testing.T, w *world) {
	r := w.up()
	contains(t, "up", r.stderr, "docker", "letta.localhost localhost 127.0.0.1 ::1", "postgres", "migrate", "ready in", "80 443 8282 8283")
	contains(t, "up's answer", r.stdout, "https://letta.localhost", "https://localhost:8283", "wss://letta.localhost:8282", "letta-dev", "down")
	if w.trusted {
		contains(t, "up", r.stderr, "trusted by system")
	}
	published := w.docker("port", w.project+"-letta-server")
	if !strings.Contains(published, "127.0.0.1:") || strings.Contains(published, "0.0.0.0") || strings.Contains(published, "[::]") {
		t.Errorf("the server asks nobody for a password, and is published on %s", published)
	}
	if env := w.docker("inspect", "--format", "{{range .Config.Env}}{{println .}}{{end}}", w.project+"-letta-server"); strings.Contains(env, "=\n") || strings.HasSuffix(env, "=") {
		t.Errorf("an empty variable was passed on:\n%s", env)
	}
}

func trustedHTTPS(t *testing.T, w *world) {
	for _, url := range []string{"https://letta.localhost", "https://localhost:8283", "http://localhost:8283", "http://letta.localhost", "https://[::1]:8283"} {
		contains(t, url, w.curl(url+"/v1/health/"), `"status":"ok"`, "0.16.8")
	}
	head := w.curl("--output", "/dev/null", "--write-out", "%{http_code} %{http_version} %{redirect_url}", "--request", "POST", "https://letta.localhost/v1/agents")
	if head != "307 2 https://letta.localhost/v1/agents/" {
		t.Errorf("POST without the last slash: %s; a redirect to http would lose the password", head)
	}
	contains(t, "an unknown host", w.curl("--header", "Host: evil.example", "--write-out", "%{http_code}", "http://127.0.0.1/"), "404")
	contains(t, "a foreign page", w.curl("--header", "Origin: https://evil.example", "--write-out", "%{http_code}", "--request", "POST", "https://localhost/v1/agents/"), "403")
	preflight := w.curl("--include", "--request", "OPTIONS", "--header", "Origin: https://letta.localhost", "--header", "Access-Control-Request-Method: POST", "https://localhost:8283/v1/agents/")
	contains(t, "a preflight of our own https origin", strings.ToLower(preflight), "access-control-allow-origin: https://letta.localhost")
}

// talks has a real client hold a conversation in which the model sends each piece only after the client has shown the one before.
func talks(install func(context.Context) (*clients.Client, error)) func(*testing.T, *world) {
	return func(t *testing.T, w *world) {
		client, err := install(t.Context())
		if err != nil { // most often for want of the registry
			t.Skipf("NOT PROVEN: %s: the client could not be installed: %v", t.Name(), err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
		defer cancel()
		gate := w.llm.Gate(client.Name)
		var text strings.Builder
		pieces := 0
		err = client.Talk(ctx, clients.Conversation{
			BaseURL: "https://localhost:8283", CAFile: w.ca(), Model: "openai-proxy/" + model.Name, Message: "please wait for " + client.Name,
		}, func(e clients.Event) {
			if piece := e.Text(); piece != "" {
				pieces++
				text.WriteString(piece)
				gate.Open()
			}
		})
		if err != nil || text.String() != model.Text() || pieces != len(model.Pieces()) {
			t.Errorf("%d pieces %q: %v", pieces, text.String(), err)
		}
	}
}

// port8282 speaks Letta's documented frames with the bridge, piece by piece.
func port8282(t *testing.T, w *world) {
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	conn, _, err := websocket.Dial(ctx, "wss://letta.localhost:8282", &websocket.DialOptions{HTTPClient: w.client(t)})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.CloseNow()
	type frame struct {
		Type        string `json:"type"`
		Status      string `json:"status"`
		Message     string `json:"message"`
		MessageType string `json:"message_type"`
		AgentID     string `json:"agent_id"`
	}
	say := func(v any) {
		b, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		if err := conn.Write(ctx, websocket.MessageText, b); err != nil {
			t.Fatal(err)
		}
	}
	hear := func() (f frame) {
		_, b, err := conn.Read(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(b, &f); err != nil {
			t.Fatalf("%v in %s", err, b)
		}
		return f
	}
	say(map[string]any{"type": "command", "command": "create_agent", "config": map[string]any{
		"name": "ws", "agent_type": "letta_v1_agent", "model": "openai-proxy/" + model.Name, "include_base_tools": false,
	}})
	made := hear()
	if made.Type != "command_response" || made.AgentID == "" {
		t.Fatalf("create_agent: %+v", made)
	}
	gate := w.llm.Gate("ws")
	say(map[string]any{"type": "user_message", "message": "please wait for ws", "agent_id": made.AgentID})
	if f := hear(); f.Type != "agent_response_start" {
		t.Fatalf("first frame %+v", f)
	}
	var text strings.Builder
	for {
		f := hear()
		if f.Type == "agent_response_end" {
			break
		}
		if f.Type != "agent_response" {
			t.Fatalf("frame %+v", f)
		}
		if f.MessageType == "assistant_message" {
			text.WriteString(f.Message)
			gate.Open()
		}
	}
	if text.String() != model.Text() {
		t.Errorf("the agent said %q", text.String())
	}
	say(map[string]any{"type": "user_message", "message": "hi", "agent_id": "agent-00000000-0000-4000-8000-000000000000"})
	if f := hear(); f.Type != "agent_response_start" {
		t.Fatalf("frame %+v", f)
	}
	if f := hear(); f.Type != "agent_response_error" {
		t.Errorf("an agent that is not there: %+v", f)
	}
}

// client trusts our root and finds *.localhost on this machine, as browsers do.
func (w *world) client(t *testing.T) *http.Client {
	t.Helper()
	pem, err := os.ReadFile(w.ca())
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		t.Fatal("no certificate in the root file")
	}
	transport := &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: roots},
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			_, port, err := net.SplitHostPort(address)
			if err != nil {
				return nil, err
			}
			return new(net.Dialer).DialContext(ctx, network, net.JoinHostPort("127.0.0.1", port))
		},
	}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

// largeBody is past the 1 MB at which Letta's own nginx gives up.
func largeBody(t *testing.T, w *world) {
	w.write("block.json", `{"label":"big","limit":9000000,"value":"`+strings.Repeat("x", 8<<20)+`"}`)
	got := w.curl("--output", "/dev/null", "--write-out", "%{http_code}", "--header", "Content-Type: application/json", "--header", "Expect: 100-continue",
		"--data-binary", "@"+w.dir+"/block.json", "https://localhost:8283/v1/blocks/")
	if got != "200" {
		t.Errorf("an 8 MB body: %s", got)
	}
}

func timeline(t *testing.T, w *world) {
	all := w.run("logs", "--json", "--tail", "all").stdout
	for _, source := range []string{"server", "database", "proxy", "engine"} {
		contains(t, "the timeline", all, `"source":"`+source+`"`)
	}
	if strings.Contains(all, "postgresql://letta:letta@") {
		t.Error("the log shows the database's password")
	}
}

func secondUp(t *testing.T, w *world) {
	if steps := w.plan(); len(steps) > 0 {
		t.Errorf("a second up would %v", steps)
	}
	before := w.docker("ps", "--quiet", "--no-trunc")
	contains(t, "a second up", w.up().stderr, "already running", "nothing changed")
	if after := w.docker("ps", "--quiet", "--no-trunc"); after != before {
		t.Errorf("the containers were %s and are %s", before, after)
	}
}

func variableChanges(t *testing.T, w *world) {
	w.env("LETTA_DEBUG=true")
	steps := strings.Join(w.plan(), "\n")
	contains(t, "the plan", steps, "because variable LETTA_DEBUG was added")
	if strings.Contains(steps, "volume") || strings.Contains(steps, "network") || strings.Contains(steps, "image") {
		t.Errorf("a changed variable changes more than the container:\n%s", steps)
	}
	w.up()
	contains(t, "the agents after the container was made anew", w.curl("https://localhost:8283/v1/agents/"), `"name":"ws"`)
}

// killed is a server that dies under the proxy: the answer says so, and a new up brings it back.
func killed(t *testing.T, w *world) {
	w.docker("kill", w.project+"-letta-server")
	down := w.curl("--write-out", "%{http_code}", "https://localhost:8283/v1/agents/")
	contains(t, "the proxy", down, "502", "letta-dev up")
	if r := w.try("status"); r.code != 4 {
		t.Errorf("status of a dead server: %s", r.all())
	}
	w.up()
	contains(t, "the agents", w.curl("https://localhost:8283/v1/agents/"), `"name":"ws"`)
}

func downKeepsData(t *testing.T, w *world) {
	w.run("down")
	if left := w.docker("ps", "--all", "--quiet", "--filter", "label=dev.letta.project="+w.project); left != "" {
		t.Errorf("containers after down: %s", left)
	}
	contains(t, "the volumes after down", w.docker("volume", "ls", "--quiet"), w.project+"_pgdata")
	if r := w.try("down", "--volumes"); r.code != 2 || !strings.Contains(r.stderr, "--yes") {
		t.Errorf("deleting data without a yes: %s", r.all())
	}
}

// upAgain finds the agents, and a database that was asked to stop.
func upAgain(t *testing.T, w *world) {
	w.up()
	contains(t, "the agents after down and up", w.curl("https://localhost:8283/v1/agents/"), `"name":"ws"`)
	log := w.docker("logs", w.project+"-letta-server")
	contains(t, "the database's log", log, "database system was shut down at")
	if strings.Contains(log, "automatic recovery in progress") {
		t.Error("the database had to recover: it was not asked to stop")
	}
}
