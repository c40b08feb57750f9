package bridge_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/letta-dev/letta-dev/proxy/bridge"
)

// texts returns "type message" for every frame, for a short comparison.
func texts(frames []frame) []string {
	var list []string
	for _, f := range frames {
		list = append(list, strings.TrimSpace(f.Type+" "+f.Message+f.Status))
	}
	return list
}

func TestEndsOfAnAnswer(t *testing.T) {
	const failed = `event: error` + "\n" + `data: {"message_type":"error_message","run_id":"run-1","error_type":"llm_error","message":"An error occurred with the LLM request.","detail":"INTERNAL_SERVER_ERROR: 500","seq_id":null}` + "\n\n"
	const stop = `data: {"message_type":"stop_reason","stop_reason":"end_turn"}` + "\n\n"
	const done = "data: [DONE]\n\n"
	for name, c := range map[string]struct{ body, last, message string }{
		"done":               {piece("a") + stop + done, "agent_response_end", ""},
		"no done":            {piece("a") + stop, "agent_response_end", ""},
		"marks of old":       {piece("a") + "data: [DONE_GEN]\n\ndata: [DONE_STEP]\n\n" + done, "agent_response_end", ""},
		"error event":        {piece("a") + stop + failed + done, "agent_response_error", "An error occurred with the LLM request. INTERNAL_SERVER_ERROR: 500"},
		"error without name": {piece("a") + strings.TrimPrefix(failed, "event: error\n"), "agent_response_error", "An error occurred with the LLM request. INTERNAL_SERVER_ERROR: 500"},
		"server stopped":     {piece("a"), "agent_response_error", "the answer broke off: the server closed the stream without saying why it stopped"},
		"not a message":      {piece("a") + "data: {\"id\":7}\n\n", "agent_response_error", "the server sent something that is not a message: json: cannot unmarshal number into Go struct field message.id of type string"},
	} {
		t.Run(name, func(t *testing.T) {
			c1 := connect(t, sse(c.body))
			c1.say(agentID, "hi")
			got := c1.receiveAll()
			want := []frame{
				{Type: "agent_response_start"},
				{Type: "agent_response", MessageType: "assistant_message", Message: "a", ID: "message-1"},
				{Type: c.last, Message: c.message},
			}
			got[len(got)-1].StopReason = "" // seen elsewhere
			if !slices.Equal(got, want) {
				t.Errorf("got %+v\nwant %+v", got, want)
			}
		})
	}
}

func TestCutConnectionIsAnError(t *testing.T) {
	c := connect(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		sse(piece("a"))(w, r)
		w.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	}))
	c.say(agentID, "hi")
	all := c.receiveAll()
	if last := all[len(all)-1]; last.Type != "agent_response_error" || last.Message != "the answer broke off: unexpected EOF" {
		t.Errorf("%+v", last)
	}
}

// A server that knows no "streaming" answers with everything at once.
func TestWholeAnswer(t *testing.T) {
	c := connect(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		io.WriteString(w, `{"messages":[{"id":"m","message_type":"reasoning_message","reasoning":"hm"},{"id":"m","message_type":"assistant_message","content":"hi"}],"stop_reason":{"message_type":"stop_reason","stop_reason":"end_turn"},"usage":{}}`)
	}))
	c.say(agentID, "hi")
	got := c.receiveAll()
	want := []frame{
		{Type: "agent_response_start"},
		{Type: "agent_response", MessageType: "internal_monologue", Message: "hm", ID: "m"},
		{Type: "agent_response", MessageType: "assistant_message", Message: "hi", ID: "m"},
		{Type: "agent_response_end", StopReason: "end_turn"},
	}
	if !slices.Equal(got, want) {
		t.Errorf("%+v", got)
	}
}

func wholeAnswer(body string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		io.WriteString(w, body)
	}
}

// Decoded as a whole, an answer would be two hundred times as large as its text. It
// is not: what was read is passed on before the rest is there.
func TestWholeAnswerIsReadMessageByMessage(t *testing.T) {
	confirmed := make(chan struct{})
	c := connect(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		wholeAnswer(`{"usage":{"a":[{}]},"stop_reason":{"stop_reason":"end_turn","message_type":"stop_reason"},"messages":[{"message_type":"assistant_message","content":"1"}`)(w, r)
		w.(http.Flusher).Flush()
		<-confirmed
		io.WriteString(w, `,{"message_type":"assistant_message","content":"2"}]}`)
	}))
	c.say(agentID, "hi")
	c.receive()
	if f := c.receive(); f.Message != "1" {
		t.Errorf("%+v", f)
	}
	close(confirmed)
	if f := c.receive(); f.Message != "2" {
		t.Errorf("%+v", f)
	}
	if f := c.receive(); f != (frame{Type: "agent_response_end", StopReason: "end_turn"}) {
		t.Errorf("%+v", f)
	}
}

func TestWholeAnswerThatIsNone(t *testing.T) {
	const one, notJSON = `{"message_type":"assistant_message","content":"1"}`, "the Letta server's answer is not the JSON it should be: "
	for body, want := range map[string]string{
		``:                                 notJSON + "unexpected EOF",
		`[]`:                               notJSON + `it has "[" where an object should be`,
		`{"messages":7}`:                   notJSON + `it has "7" where a list should be`,
		`{"messages":[` + one:              notJSON + "unexpected EOF",
		`{"messages":[` + one + `]`:        notJSON + "unexpected EOF",
		`{"messages":[` + one + `,]}`:      notJSON + "invalid character ']' looking for beginning of value",
		`{"messages":[` + one + one + `]}`: notJSON + "expected comma after array element",
		`{"messages":[` + one + `],}`:      notJSON + "invalid character '}'",
		`{"messages":[` + one + `] 7}`:     notJSON + "invalid character '7' after object key:value pair",
		`{"messages":[7]}`:                 "the server sent something that is not a message: json: cannot unmarshal number into Go value of type bridge.message",
		`{"messages":[{"message_type":"error_message","message":"It failed."}]}`:  "It failed.",
		`{"messages":[{"content":"` + strings.Repeat("x", 4<<20) + `"}]}`:         "the server sent a message that is longer than 4 MiB",
		`{"messages":[{"tool_returns":[` + strings.Repeat("{},", 1000) + `{}]}]}`: "the server sent something that is not a message: a list in it has more than 1000 entries",
		`{"messages":[{"tool_calls":[` + strings.Repeat("{},", 1000) + `{}]}]}`:   "the server sent something that is not a message: a list in it has more than 1000 entries",
		`{"usage":"` + strings.Repeat("x", 16<<20) + `"}`:                         notJSON + "unexpected EOF",
	} {
		c := connect(t, wholeAnswer(body))
		c.say(agentID, "hi")
		all := c.receiveAll()
		if last := all[len(all)-1]; last.Type != "agent_response_error" || !strings.HasPrefix(last.Message, want) {
			t.Errorf("%.80s: %+v", body, last)
		}
	}
}

func TestRequestIsOneTheServerTakes(t *testing.T) {
	var got http.Header
	var body, path string
	password := "pw"
	_, front := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		data, _ := io.ReadAll(r.Body)
		got, body, path = r.Header.Clone(), string(data), r.URL.Path
		sse(recorded[len(recorded)-1])(w, r)
	}), func(cfg *bridge.Config) { cfg.Password = func() string { return password } })
	c := dial(t, front)
	c.say(agentID, `say "hi"`)
	c.receiveAll()
	if path != "/v1/agents/"+agentID+"/messages" {
		t.Errorf("path %q", path)
	}
	if want := `{"include_pings":true,"messages":[{"content":"say \"hi\"","role":"user"}],"stream_tokens":true,"streaming":true}`; body != want {
		t.Errorf("body %s", body)
	}
	if agents := got.Values("User-Agent"); len(agents) > 0 {
		t.Errorf("User-Agent %q, with which the server refuses to stream", agents)
	}
	if got.Get("Authorization") != "Bearer pw" || got.Get("Content-Type") != "application/json" {
		t.Errorf("header %v", got)
	}
	password = ""
	c.send(`{"type":"user_message","agent_id":"` + agentID + `","message":"hi","stream_tokens":false}`)
	c.receiveAll()
	if _, ok := got["Authorization"]; ok || !strings.Contains(body, `"stream_tokens":false`) {
		t.Errorf("header %v, body %s", got, body)
	}
}

func TestServerRefuses(t *testing.T) {
	for _, c := range []struct {
		status     int
		body, want string
	}{
		{401, `{"detail":"Unauthorized"}`, "the Letta server answered 401 Unauthorized: Unauthorized; set LETTA_SERVER_PASSWORD to the server's password, then: letta-dev up"},
		{404, `{"detail":"Agent not found"}`, "the Letta server answered 404 Not Found: Agent not found"},
		{422, `{"detail":"[{'type': 'missing'}]"}`, "the Letta server answered 422 Unprocessable Entity: [{'type': 'missing'}]"},
		{500, `{"error":{"type":"llm_error","message":"It failed."}}`, "the Letta server answered 500 Internal Server Error: It failed."},
		{503, "", "the Letta server answered 503 Service Unavailable; the server may still be starting; see: letta-dev status"},
		{307, "", "the Letta server answered 307 Temporary Redirect"},
	} {
		c1 := connect(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(c.status)
			io.WriteString(w, c.body)
		}))
		c1.say(agentID, "hi")
		if got := texts(c1.receiveAll()); !slices.Equal(got, []string{"agent_response_start", "agent_response_error " + c.want}) {
			t.Errorf("%d: %q", c.status, got)
		}
		c1.send(`{"type":"command","command":"create_agent","config":{}}`)
		if got := texts(c1.receiveAll()); !slices.Equal(got, []string{"command_response Error: failed to create the agent: " + c.want}) {
			t.Errorf("%d: %q", c.status, got)
		}
	}
}

func TestServerIsNotThere(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ln.Close()
	front := httptest.NewServer(bridge.New(bridge.Config{Server: "http://" + ln.Addr().String()}))
	t.Cleanup(front.Close)
	c := dial(t, front)
	c.say(agentID, "hi")
	all := c.receiveAll()
	last := all[len(all)-1]
	if last.Type != "agent_response_error" || !strings.HasPrefix(last.Message, "cannot reach the Letta server: ") ||
		!strings.HasSuffix(last.Message, "; see: letta-dev status") {
		t.Errorf("%+v", last)
	}
}

// lettaWith is a server with the given agents. It notes the URLs it is asked for.
func lettaWith(agents string, asked *[]string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		*asked = append(*asked, r.URL.String())
		if r.Method == http.MethodGet {
			io.WriteString(w, agents)
			return
		}
		sse(recorded[len(recorded)-1])(w, r)
	}
}

func TestAgentByName(t *testing.T) {
	const other = "agent-123e4567-e89b-42d3-a456-426614174000"
	for name, c := range map[string]struct{ agents, want string }{
		"one":           {`[{"id":"` + agentID + `","name":"agent_26"}]`, ""},
		"none":          {`[]`, `no agent has the id or the name "agent_26"; GET /v1/agents/ lists them`},
		"another":       {`[{"id":"` + agentID + `","name":"agent_261"}]`, `no agent has the id or the name "agent_26"; GET /v1/agents/ lists them`},
		"two":           {`[{"id":"` + agentID + `","name":"agent_26"},{"id":"` + other + `","name":"agent_26"}]`, `several agents have the name "agent_26"; use an id from GET /v1/agents/`},
		"with a bad id": {`[{"id":"../admin","name":"agent_26"}]`, `no agent has the id or the name "agent_26"; GET /v1/agents/ lists them`},
		"no list":       {`{}`, `looking for agent "agent_26": the Letta server's answer is not the JSON it should be: it has "{" where a list should be`},
	} {
		t.Run(name, func(t *testing.T) {
			var asked []string
			c1 := connect(t, lettaWith(c.agents, &asked))
			c1.say("agent_26", "hi")
			all := c1.receiveAll()
			if last := all[len(all)-1]; last.Message != c.want {
				t.Errorf("%+v", last)
			}
			want := []string{"/v1/agents/?limit=2&name=agent_26"}
			if c.want == "" {
				want = append(want, "/v1/agents/"+agentID+"/messages")
			}
			if !slices.Equal(asked, want) {
				t.Errorf("asked for %q", asked)
			}
		})
	}
}

// Whatever a client says is an agent, it reaches the server as a value in a query
// and never in a path.
func TestHostileAgentID(t *testing.T) {
	for _, id := range []string{
		"", ".", "..", "../../v1/admin/users/", agentID + "/../x", agentID + "?x=1", agentID + "\r\nX: y", "%2e%2e%2f",
		strings.ToUpper(agentID), "a&limit=1000&name=b", "agent-\x00", strings.Repeat("a", 5000), "a b#c",
	} {
		var asked []string
		c := connect(t, lettaWith(`[]`, &asked))
		c.say(id, "hi")
		all := c.receiveAll()
		if last := all[len(all)-1]; last.Type != "agent_response_error" || len(last.Message) > 2500 {
			t.Errorf("%.80q: %+v", id, last)
		}
		for _, u := range asked {
			if !strings.HasPrefix(u, "/v1/agents/?limit=2&name=") || strings.Count(u, "&") != 1 {
				t.Errorf("%.80q became the request %q", id, u)
			}
		}
	}
}

func TestCreateAgent(t *testing.T) {
	for config, want := range map[string]string{
		`{"name":"x","model":"m/n"}`: `{"model":"m/n","name":"x"}`,
		// What Letta's example client sends.
		`{"persona":"sam_pov","human":"cs_phd","model":"gpt-4-1106-preview"}`: `{"memory_blocks":[{"label":"persona","value":"sam_pov"},{"label":"human","value":"cs_phd"}],"model":"gpt-4-1106-preview"}`,
		`{"persona":"p","memory_blocks":[]}`:                                  `{"memory_blocks":[],"persona":"p"}`,
		`{"persona":{"x":1}}`:                                                 `{"persona":{"x":1}}`,
		`{}`:                                                                  `{}`,
	} {
		var got, path string
		c := connect(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			data, _ := io.ReadAll(r.Body)
			got, path = string(data), r.Method+" "+r.URL.Path
			fmt.Fprintf(w, `{"id":%q,"name":"x"}`, agentID)
		}))
		c.send(`{"type":"command","command":"create_agent","config":` + config + `}`)
		if f := c.receive(); f != (frame{Type: "command_response", Status: "OK: Agent initialized: " + agentID, AgentID: agentID}) {
			t.Errorf("%+v", f)
		}
		if got != want || path != "POST /v1/agents/" {
			t.Errorf("%s: %s %s, want %s", config, path, got, want)
		}
	}
}

func TestCreateAgentWithoutAnID(t *testing.T) {
	for _, body := range []string{`<html>`, `[]`, `{}`} {
		c := connect(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, body) }))
		c.send(`{"type":"command","command":"create_agent","config":{}}`)
		if f := c.receive(); f.Type != "command_response" || !strings.HasPrefix(f.Status, "Error: failed to create the agent: ") || f.AgentID != "" {
			t.Errorf("%s: %+v", body, f)
		}
	}
}

// A request is JSON whatever the user says.
func TestMessageIsCarriedAsItIs(t *testing.T) {
	const said = "\u2028 \" \\ </script> \x00 é 🙂"
	var got struct {
		Messages []struct{ Role, Content string }
	}
	c := connect(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := json.NewDecoder(r.Body).Decode(&got); err != nil {
			t.Error(err)
		}
		sse("data: [DONE]\n\n")(w, r)
	}))
	c.say(agentID, said)
	c.receiveAll()
	if len(got.Messages) != 1 || got.Messages[0].Content != said || got.Messages[0].Role != "user" {
		t.Errorf("%+q", got)
	}
}
