package bridge

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestParseRequest(t *testing.T) {
	for in, want := range map[string]request{
		`{"type":"user_message","agent_id":"a","message":"hi"}`:                             {agent: "a", message: "hi", tokens: true},
		`{"type":"user_message","agent_id":"a","message":"","stream_tokens":false,"x":[1]}`: {agent: "a"},
		`{"type":"command","command":"create_agent","config":{}}`:                           {config: map[string]json.RawMessage{}},
		`{"type":"command","command":"create_agent","config":{"name":"x"}}`:                 {config: map[string]json.RawMessage{"name": json.RawMessage(`"x"`)}},
	} {
		got, err := parseRequest([]byte(in))
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v, %v", in, got, err)
		}
	}
}

func TestParseRequestSaysWhatIsWrong(t *testing.T) {
	for in, want := range map[string]string{
		``:                                       "the frame is not JSON: unexpected end of JSON input",
		`hello`:                                  "the frame is not JSON: invalid character 'h' looking for beginning of value",
		`{"type":"command"} extra`:               "the frame is not JSON: invalid character 'e' after top-level value",
		`[1]`:                                    "the frame must be a JSON object, not array",
		`"hi"`:                                   "the frame must be a JSON object, not string",
		`null`:                                   `the frame: the field "type" is missing`,
		`{}`:                                     `the frame: the field "type" is missing`,
		`{"type":7}`:                             `the field "type" must be a string, not number`,
		`{"type":"hello"}`:                       `unknown frame type "hello": send "user_message" or "command"`,
		`{"type":"user_message"}`:                `user_message: the field "agent_id" is missing`,
		`{"type":"command"}`:                     `unknown command "": the only one is "create_agent"`,
		"{\"type\":\"\\u001b[31m\"}":             `unknown frame type "\x1b[31m": send "user_message" or "command"`,
		`{"type":"user_message","agent_id":"a"}`: `user_message: the field "message" is missing`,
		`{"type":"user_message","agent_id":null,"message":"hi"}`:                `user_message: the field "agent_id" is missing`,
		`{"type":"user_message","agent_id":"a","message":["hi"]}`:               `the field "message" must be a string, not array`,
		`{"type":"user_message","agent_id":"a","message":"","stream_tokens":1}`: `the field "stream_tokens" must be true or false, not number`,
		`{"type":"command","command":"drop_agents","config":{}}`:                `unknown command "drop_agents": the only one is "create_agent"`,
		`{"type":"command","command":"create_agent"}`:                           `create_agent: the field "config" is missing`,
		`{"type":"command","command":"create_agent","config":"x"}`:              `the field "config" must be an object, not string`,
	} {
		if _, err := parseRequest([]byte(in)); err == nil || err.Error() != want {
			t.Errorf("%s:\n got %v\nwant %s", in, err, want)
		}
	}
}

// FuzzParseRequest: a frame is refused in words that are short and printable, or is
// understood, and then its fields, sent again, are understood as the same.
func FuzzParseRequest(f *testing.F) {
	for _, in := range []string{
		`{"type":"user_message","agent_id":"a","message":"hi","stream_tokens":false}`,
		`{"type":"command","command":"create_agent","config":{"model":"m"}}`,
		`{"type":"` + strings.Repeat("é", 400) + `"}`, `[`, `null`, "{\"type\":\"\xff\"}",
	} {
		f.Add([]byte(in))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		req, err := parseRequest(in)
		if err != nil {
			if text := err.Error(); !utf8.ValidString(text) || len(text) > 4*500+200 || strings.ContainsAny(text, "\n\x1b") {
				t.Errorf("refused with %q", text)
			}
			return
		}
		again := map[string]any{"type": "user_message", "agent_id": req.agent, "message": req.message, "stream_tokens": req.tokens}
		if req.config != nil {
			again = map[string]any{"type": "command", "command": "create_agent", "config": req.config}
		}
		data, err := json.Marshal(again)
		if err != nil {
			t.Fatal(err)
		}
		got, err := parseRequest(data)
		if err != nil || got.agent != req.agent || got.message != req.message || got.tokens != req.tokens || len(got.config) != len(req.config) {
			t.Errorf("%+v became %+v, %v", req, got, err)
		}
	})
}

func TestFramesAreThoseOfTheProtocol(t *testing.T) {
	for _, c := range []struct {
		f    frame
		want string
	}{
		{startFrame(), `{"type":"agent_response_start"}`},
		{responseFrame(assistantMessage, "message-1", "<b>&é"), `{"type":"agent_response","message_type":"assistant_message","message":"<b>&é","id":"message-1"}`},
		{endFrame(""), `{"type":"agent_response_end"}`},
		{endFrame("end_turn"), `{"type":"agent_response_end","stop_reason":"end_turn"}`},
		{createdFrame("agent-1"), `{"type":"command_response","status":"OK: Agent initialized: agent-1","agent_id":"agent-1"}`},
	} {
		if got := string(c.f.encode()); got != c.want {
			t.Errorf("%s\nwant %s", got, c.want)
		}
	}
}
