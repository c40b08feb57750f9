package bridge

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// request is a client's frame that was understood: a user_message, or a
// create_agent when config is not nil.
type request struct {
	agent   string
	message string
	tokens  bool // stream the answer in pieces
	config  map[string]json.RawMessage
}

// parseRequest reads a client's text frame. Its error is for the client.
func parseRequest(data []byte) (request, error) {
	var f struct {
		Type         string                     `json:"type"`
		Message      *string                    `json:"message"`
		AgentID      *string                    `json:"agent_id"`
		StreamTokens *bool                      `json:"stream_tokens"`
		Command      string                     `json:"command"`
		Config       map[string]json.RawMessage `json:"config"`
	}
	if err := json.Unmarshal(data, &f); err != nil {
		return request{}, badJSON(err)
	}
	switch f.Type {
	case "user_message":
		switch {
		case f.AgentID == nil:
			return request{}, missing(f.Type, "agent_id")
		case f.Message == nil:
			return request{}, missing(f.Type, "message")
		}
		tokens := f.StreamTokens == nil || *f.StreamTokens
		return request{agent: *f.AgentID, message: *f.Message, tokens: tokens}, nil
	case "command":
		switch {
		case f.Command != "create_agent":
			return request{}, fmt.Errorf("unknown command %q: the only one is \"create_agent\"", clip(f.Command))
		case f.Config == nil:
			return request{}, missing("create_agent", "config")
		}
		return request{config: f.Config}, nil
	case "":
		return request{}, missing("the frame", "type")
	}
	return request{}, fmt.Errorf("unknown frame type %q: send \"user_message\" or \"command\"", clip(f.Type))
}

func missing(where, field string) error {
	return fmt.Errorf("%s: the field %q is missing", where, field)
}

// badJSON says in the words of JSON what encoding/json says in the words of Go.
func badJSON(err error) error {
	var kind *json.UnmarshalTypeError
	switch {
	case !errors.As(err, &kind):
		return fmt.Errorf("the frame is not JSON: %w", err)
	case kind.Field == "":
		return fmt.Errorf("the frame must be a JSON object, not %s", kind.Value)
	}
	want := map[string]string{"string": "a string", "bool": "true or false"}[kind.Type.Kind().String()]
	if want == "" {
		want = "an object"
	}
	return fmt.Errorf("the field %q must be %s, not %s", kind.Field, want, kind.Value)
}

// clip shortens text that came from the network for use in a message.
func clip(s string) string {
	const most = 500
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "…"
}

// frame is a frame to the client. Which fields go with which type stands in the
// package comment.
type frame struct {
	Type        string `json:"type"`
	MessageType string `json:"message_type,omitempty"`
	Message     string `json:"message,omitempty"`
	Status      string `json:"status,omitempty"`
	ID          string `json:"id,omitempty"`
	AgentID     string `json:"agent_id,omitempty"`
	StopReason  string `json:"stop_reason,omitempty"`
}

// The values of message_type.
const (
	internalMonologue = "internal_monologue"
	assistantMessage  = "assistant_message"
	functionMessage   = "function_message"
)

func responseFrame(messageType, id, text string) frame {
	return frame{Type: "agent_response", MessageType: messageType, ID: id, Message: text}
}

func startFrame() frame { return frame{Type: "agent_response_start"} }
func endFrame(stopReason string) frame {
	return frame{Type: "agent_response_end", StopReason: stopReason}
}
func agentErrorFrame(err error) frame {
	return frame{Type: "agent_response_error", Message: err.Error()}
}
func serverErrorFrame(err error) frame { return frame{Type: "server_error", Message: err.Error()} }
func commandErrorFrame(err error) frame {
	return frame{Type: "command_response", Status: "Error: " + err.Error()}
}

func createdFrame(id string) frame {
	return frame{Type: "command_response", Status: "OK: Agent initialized: " + id, AgentID: id}
}

// encode writes f without the HTML escapes of [json.Marshal], which would only
// make answers with markup longer.
func (f frame) encode() []byte {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(f); err != nil {
		panic(err) // a struct of strings
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}
