package bridge_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/coder/websocket"

	"github.com/letta-dev/letta-dev/proxy/bridge"
)

const agentID = "agent-3f2b8a52-3c53-4c2b-9f2e-0c6b1d9b7a10"

// frame holds every field a frame of the bridge may have.
type frame struct {
	Type        string `json:"type"`
	MessageType string `json:"message_type"`
	Message     string `json:"message"`
	Status      string `json:"status"`
	ID          string `json:"id"`
	AgentID     string `json:"agent_id"`
	StopReason  string `json:"stop_reason"`
}

// client is a WebSocket client of one bridge.
type client struct {
	t    *testing.T
	conn *websocket.Conn
}

// serve starts a Letta server that answers with handler, and a bridge to it.
func serve(t *testing.T, handler http.Handler, change func(*bridge.Config)) (*bridge.Bridge, *httptest.Server) {
	t.Helper()
	letta := httptest.NewServer(handler)
	t.Cleanup(letta.Close)
	transport := letta.Client().Transport.(*http.Transport)
	t.Cleanup(transport.CloseIdleConnections)
	cfg := bridge.Config{Server: letta.URL, Transport: transport}
	if change != nil {
		change(&cfg)
	}
	b := bridge.New(cfg)
	front := httptest.NewServer(b)
	t.Cleanup(front.Close)
	return b, front
}

func dial(t *testing.T, front *httptest.Server) *client {
	t.Helper()
	conn, _, err := websocket.Dial(t.Context(), front.URL, &websocket.DialOptions{HTTPClient: front.Client()})
	if err != nil {
		t.Fatal(err)
	}
	conn.SetReadLimit(1 << 20)
	t.Cleanup(func() { conn.CloseNow() })
	return &client{t, conn}
}

// connect is serve and dial.
func connect(t *testing.T, handler http.Handler) *client {
	t.Helper()
	_, front := serve(t, handler, nil)
	return dial(t, front)
}

func (c *client) send(text string) {
	c.t.Helper()
	if err := c.conn.Write(context.Background(), websocket.MessageText, []byte(text)); err != nil {
		c.t.Fatal(err)
	}
}

// say sends a user_message.
func (c *client) say(agent, message string) {
	c.t.Helper()
	data, err := json.Marshal(map[string]string{"type": "user_message", "agent_id": agent, "message": message})
	if err != nil {
		c.t.Fatal(err)
	}
	c.send(string(data))
}

func (c *client) receive() frame {
	c.t.Helper()
	_, data, err := c.conn.Read(context.Background())
	if err != nil {
		c.t.Fatal(err)
	}
	var f frame
	if err := json.Unmarshal(data, &f); err != nil {
		c.t.Fatalf("%v in %s", err, data)
	}
	return f
}

// receiveAll returns the frames up to the one that ends a request, by the rule of
// Letta's example client (condition_to_stop_receiving).
func (c *client) receiveAll() []frame {
	c.t.Helper()
	for all := []frame(nil); ; {
		f := c.receive()
		all = append(all, f)
		switch f.Type {
		case "agent_response_end", "agent_response_error", "command_response", "server_error":
			return all
		}
	}
}

// sse answers with the given bytes as a stream of events.
func sse(body string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "text/event-stream; charset=utf-8")
		io.WriteString(w, body)
	}
}

// The bytes of an answer of letta 0.16.8, event by event.
var recorded = []string{
	`data: {"id":"ping-6c1","date":"2026-11-20T10:00:00+00:00","name":null,"message_type":"ping","otid":null,"sender_id":null,"step_id":null,"is_err":null,"seq_id":null,"run_id":"run-1"}` + "\n\n",
	piece("Hello"), piece(" from"), piece(" the"), piece(" stub"), piece(":"),
	`data: {"message_type":"stop_reason","stop_reason":"end_turn"}` + "\n\n",
	`data: {"message_type":"usage_statistics","completion_tokens":10,"prompt_tokens":10,"total_tokens":20,"step_count":1,"run_ids":null,"cached_input_tokens":null,"cache_write_tokens":null,"reasoning_tokens":null,"context_tokens":20}` + "\n\n",
	"data: [DONE]\n\n",
}

func piece(text string) string {
	return `data: {"id":"message-1","date":"2026-11-20T10:00:00+00:00","name":null,"message_type":"assistant_message","otid":"o","sender_id":null,"step_id":"step-1","is_err":null,"seq_id":null,"run_id":"run-1","content":"` + text + `"}` + "\n\n"
}

// The server sends each event only when the client has confirmed the frame of the
// one before: an answer that was buffered anywhere would stop the test.
func TestPiecesArriveAsTheyAreWritten(t *testing.T) {
	confirmed := make(chan struct{})
	c := connect(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream; charset=utf-8")
		for _, event := range recorded {
			io.WriteString(w, event)
			w.(http.Flusher).Flush()
			if strings.Contains(event, "assistant_message") {
				<-confirmed
			}
		}
		<-confirmed // the end frame comes with [DONE], not with the end of the stream
	}))
	c.say(agentID, "hi")
	if f := c.receive(); f != (frame{Type: "agent_response_start"}) {
		t.Fatalf("first frame %+v", f)
	}
	for _, want := range []string{"Hello", " from", " the", " stub", ":"} {
		f := c.receive()
		if f != (frame{Type: "agent_response", MessageType: "assistant_message", Message: want, ID: "message-1"}) {
			t.Fatalf("got %+v, want piece %q", f, want)
		}
		confirmed <- struct{}{}
	}
	if f := c.receive(); f != (frame{Type: "agent_response_end", StopReason: "end_turn"}) {
		t.Fatalf("last frame %+v", f)
	}
	close(confirmed)
}
