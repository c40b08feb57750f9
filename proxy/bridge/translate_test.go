package bridge

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
)

// speak translates the messages of one answer and returns "message_type: text" for
// every frame.
func speak(t *testing.T, messages ...string) []string {
	t.Helper()
	var tr translator
	var said []string
	for _, text := range messages {
		var m message
		if err := json.Unmarshal([]byte(text), &m); err != nil {
			t.Fatalf("%v in %s", err, text)
		}
		for _, f := range tr.frames(m) {
			said = append(said, f.MessageType+": "+f.Message)
		}
	}
	return said
}

func TestTranslation(t *testing.T) {
	for name, c := range map[string]struct {
		messages []string
		want     []string
	}{
		"thought, call, return, answer": {
			[]string{
				`{"message_type":"reasoning_message","reasoning":"hm"}`,
				`{"message_type":"tool_call_message","tool_call":{"name":"f","arguments":"{\"x\":1}","tool_call_id":"c1"}}`,
				`{"message_type":"tool_return_message","tool_return":"7","status":"success"}`,
				`{"message_type":"assistant_message","content":"seven"}`,
			},
			[]string{"internal_monologue: hm", `function_message: Running f {"x":1}`, "function_message: Success: 7", "assistant_message: seven"},
		},
		// As the server streams them: the name may come alone, again, or never again.
		"a call in pieces": {
			[]string{
				`{"message_type":"tool_call_message","tool_call":{"name":"f","arguments":null,"tool_call_id":"c1"}}`,
				`{"message_type":"tool_call_message","tool_call":{"name":"f","arguments":"{\"x\"","tool_call_id":"c1"}}`,
				`{"message_type":"tool_call_message","tool_call":{"name":null,"arguments":":1}","tool_call_id":"c1"}}`,
				`{"message_type":"tool_call_message","tool_calls":{"name":"f","arguments":"{}","tool_call_id":"c2"}}`,
			},
			[]string{"function_message: Running f ", `function_message: {"x"`, "function_message: :1}", "function_message: Running f {}"},
		},
		"two calls at once": {
			[]string{
				`{"message_type":"tool_call_message","tool_call":{"name":"f","arguments":"1","tool_call_id":"c1"},"tool_calls":[{"name":"f","arguments":"1","tool_call_id":"c1"},{"name":"g","arguments":"2","tool_call_id":"c2"}]}`,
				`{"message_type":"tool_return_message","tool_return":"a","status":"success","tool_returns":[{"tool_return":"a","status":"success"},{"tool_return":[{"type":"text","text":"b"}],"status":"error"}]}`,
			},
			[]string{"function_message: Running f 1", "function_message: Running g 2", "function_message: Success: a", "function_message: Error: b"},
		},
		"hidden reasoning": {
			[]string{`{"message_type":"hidden_reasoning_message","state":"redacted","hidden_reasoning":"xx"}`, `{"message_type":"hidden_reasoning_message","state":"omitted","hidden_reasoning":null}`},
			[]string{"internal_monologue: xx"},
		},
		"content in parts": {
			[]string{`{"message_type":"assistant_message","content":[{"type":"text","text":"a"},{"type":"image"},{"type":"text","text":"b"}]}`},
			[]string{"assistant_message: ab"},
		},
		"content of no known shape": {
			[]string{`{"message_type":"assistant_message","content":{"a":1}}`, `{"message_type":"assistant_message","content":[7]}`},
			[]string{`assistant_message: {"a":1}`, "assistant_message: [7]"},
		},
		"approval": {
			[]string{`{"message_type":"approval_request_message","tool_call":{"name":"f","arguments":"{}","tool_call_id":"c1"}}`},
			[]string{"function_message: Waiting for approval, which this protocol cannot give: f {}"},
		},
		"nothing to say": {
			[]string{
				`{"message_type":"assistant_message","content":""}`, `{"message_type":"assistant_message","content":null}`,
				`{"message_type":"user_message","content":"hi"}`, `{"message_type":"summary_message","summary":"s"}`,
				`{"message_type":"usage_statistics"}`, `{"message_type":"tool_call_message","tool_call":null}`, `{}`,
			},
			nil,
		},
	} {
		if got := speak(t, c.messages...); !slices.Equal(got, c.want) {
			t.Errorf("%s:\n got %q\nwant %q", name, got, c.want)
		}
	}
}

func TestReasonOfARefusal(t *testing.T) {
	for body, want := range map[string]string{
		`{"detail":"Agent not found"}`:                                                     "Agent not found",
		`{"detail":[{"loc":["path"],"msg":"bad"}]}`:                                        `[{"loc":["path"],"msg":"bad"}]`,
		`{"error":{"type":"llm_error","message":"It failed.","detail":"Error code: 500"}}`: "It failed. Error code: 500",
		`{"message_type":"error_message","message":"It failed.","detail":null}`:            "It failed.",
		`{"error":"timeout"}`:                                                              "timeout",
		`{"error":["a"]}`:                                                                  `["a"]`,
		`{"something":"else"}`:                                                             `{"something":"else"}`,
		"  Bad Gateway\n":                                                                  "Bad Gateway",
		"":                                                                                 "",
		"\xff" + strings.Repeat("é", 300):                                                  "�" + strings.Repeat("é", 248) + "…",
	} {
		if got := reason([]byte(body)); got != want {
			t.Errorf("%s: %q, want %q", body, got, want)
		}
	}
}
