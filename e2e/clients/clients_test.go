package clients

import (
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// letta answers the four calls of a conversation as Letta does, and keeps what it was asked. It has no agents, no
// models and no mind; the real server is in the tests with the tag e2e.
type letta struct {
	pieces chan string // of the one stream
	calls  []string
	said   string
}

func (l *letta) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	const agent = "agent-00000000-0000-4000-8000-000000000000"
	l.calls = append(l.calls, r.Method+" "+strings.ReplaceAll(r.URL.Path, agent, "ID"))
	switch {
	case r.Header.Get("Authorization") != "Bearer pass word":
		http.Error(w, `{"detail":"Unauthorized"}`, http.StatusUnauthorized)
	case r.URL.Path == "/v1/health/":
		fmt.Fprint(w, `{"version":"0.16.8","status":"ok"}`)
	case r.URL.Path == "/v1/agents/":
		fmt.Fprintf(w, `{"model":"a-b","id":%q}`, agent)
	case strings.HasSuffix(r.URL.Path, "/messages/stream"):
		var body struct{ Messages []struct{ Content string } }
		json.NewDecoder(r.Body).Decode(&body)
		l.said = body.Messages[0].Content
		for piece := range l.pieces {
			fmt.Fprintf(w, "data: {\"message_type\":\"assistant_message\",\"content\":%q}\n\n", piece)
			http.NewResponseController(w).Flush()
		}
		fmt.Fprint(w, "data: {\"message_type\":\"stop_reason\"}\n\ndata: [DONE]\n\n")
	}
}

// serve starts letta with TLS and returns a conversation with it.
func serve(t *testing.T) (*letta, Conversation) {
	t.Helper()
	for _, program := range []string{"bash", "curl"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skipf("LEFT OUT: %s is not here: apt-get install %s", program, program)
		}
	}
	server := &letta{pieces: make(chan string, 1)}
	ts := httptest.NewUnstartedServer(server)
	ts.Config.ErrorLog = log.New(io.Discard, "", 0) // it reports the handshake that a test wants to fail
	ts.StartTLS()
	t.Cleanup(ts.Close)
	ca := filepath.Join(t.TempDir(), "ca.pem")
	data := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: ts.Certificate().Raw})
	if err := os.WriteFile(ca, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return server, Conversation{BaseURL: ts.URL, CAFile: ca, APIKey: "pass word", Model: "m", Message: `say "\o/"`}
}

func curl(t *testing.T) *Client {
	t.Helper()
	t.Setenv("LETTA_DEV_CACHE", t.TempDir())
	client, err := Curl(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return client
}

// The server sends a piece only when the client has shown the one before.
func TestTalkShowsEventsAsTheyCome(t *testing.T) {
	server, about := serve(t)
	server.pieces <- "one"
	next := map[string]string{"one": "two", "two": "three"}
	var steps, texts []string
	err := curl(t).Talk(t.Context(), about, func(e Event) {
		steps = append(steps, e.Step+" "+e.Type)
		if e.Text() == "" {
			return
		}
		texts = append(texts, e.Text())
		if piece, ok := next[e.Text()]; ok {
			server.pieces <- piece
		} else {
			close(server.pieces)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"one", "two", "three"}; !slices.Equal(texts, want) {
		t.Errorf("texts %q, want %q", texts, want)
	}
	text := "event assistant_message"
	if want := []string{"health ", "create ", text, text, text, "event stop_reason", "delete "}; !slices.Equal(steps, want) {
		t.Errorf("steps %q, want %q", steps, want)
	}
	calls := []string{"GET /v1/health/", "POST /v1/agents/", "POST /v1/agents/ID/messages/stream", "DELETE /v1/agents/ID"}
	if !slices.Equal(server.calls, calls) {
		t.Errorf("calls %q, want %q", server.calls, calls)
	}
	if server.said != about.Message {
		t.Errorf("the user said %q, want %q", server.said, about.Message)
	}
}

func TestTalkFails(t *testing.T) {
	for name, spoil := range map[string]struct {
		about func(*Conversation)
		want  string
	}{
		"no authority":   {func(c *Conversation) { c.CAFile = "" }, "certificate"},
		"wrong password": {func(c *Conversation) { c.APIKey = "guess" }, `{"detail":"Unauthorized"}`},
		"no server":      {func(c *Conversation) { c.BaseURL = "http://127.0.0.1:1" }, "connect"},
	} {
		t.Run(name, func(t *testing.T) {
			_, about := serve(t)
			spoil.about(&about)
			err := curl(t).Talk(t.Context(), about, func(e Event) { t.Errorf("saw %+v", e) })
			if err == nil || !strings.Contains(err.Error(), spoil.want) {
				t.Errorf("error %v, want one with %q", err, spoil.want)
			}
		})
	}
}

func TestTalkRefusesOtherOutput(t *testing.T) {
	c := &Client{Name: "echo", argv: []string{"bash", "-c", "echo hello; seq 100000"}}
	err := c.Talk(t.Context(), Conversation{}, func(e Event) { t.Errorf("saw %+v", e) })
	if err == nil || !strings.Contains(err.Error(), `"hello"`) {
		t.Errorf("error %v, want one that quotes the line", err)
	}
}

func TestInstallSaysWhatItCannot(t *testing.T) {
	_, err := install(t.Context(), "perl")
	if err == nil || !strings.Contains(err.Error(), `unknown client "perl"`) {
		t.Errorf("error %v", err)
	}
}

func TestParseEvent(t *testing.T) {
	event, err := parseEvent([]byte(`{"at_ms":1500.25,"step":"event","data":{"message_type":"assistant_message","content":"hi"}}`))
	if err != nil || event.At != 1500250*time.Microsecond || event.Text() != "hi" {
		t.Errorf("%+v, %v", event, err)
	}
	event, err = parseEvent([]byte(`{"at_ms":1,"step":"event","data":{"message_type":"reasoning_message","content":"hm"}}`))
	if err != nil || event.Text() != "" {
		t.Errorf("reasoning is shown as text: %q, %v", event.Text(), err)
	}
	for _, line := range []string{"", "[]", `{"at_ms":"1"}`, `{"step":"event"}`, `{"step":"event","data":7}`} {
		if event, err := parseEvent([]byte(line)); err == nil {
			t.Errorf("%q is read as %+v", line, event)
		}
	}
}

func FuzzParseEvent(f *testing.F) {
	f.Add(`{"at_ms":1,"step":"event","data":{"message_type":"assistant_message","content":"hi"}}`)
	f.Add(`{"at_ms":1e300,"step":"health","data":null}`)
	f.Fuzz(func(t *testing.T, line string) {
		event, err := parseEvent([]byte(line))
		if err == nil && event.Text() != "" && !(event.Step == "event" && json.Valid(event.Data)) {
			t.Errorf("%q: text %q without a frame", line, event.Text())
		}
	})
}
