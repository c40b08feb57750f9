package bridge

import (
	"bytes"
	"encoding/json"
	"strings"
)

// message is what the bridge uses of the messages in Letta's answers
// (letta/schemas/letta_message.py). Which fields are set depends on Type.
type message struct {
	ID              string           `json:"id"`
	Type            string           `json:"message_type"`
	Content         text             `json:"content"`
	Reasoning       string           `json:"reasoning"`
	HiddenReasoning string           `json:"hidden_reasoning"`
	ToolCall        toolCalls        `json:"tool_call"`
	ToolCalls       toolCalls        `json:"tool_calls"`
	ToolReturn      text             `json:"tool_return"`
	ToolReturns     list[toolReturn] `json:"tool_returns"`
	Status          string           `json:"status"`
	StopReason      string           `json:"stop_reason"`
}

type toolCall struct {
	ID        string `json:"tool_call_id"`
	Name      string `json:"name"`
	Arguments string `json:"arguments"`
}

type toolReturn struct {
	Return text   `json:"tool_return"`
	Status string `json:"status"`
}

// toolCalls is one call or several: Letta sends an object in a piece of a
// message and a list in a whole one.
type toolCalls list[toolCall]

func (c *toolCalls) UnmarshalJSON(data []byte) error {
	if data[0] == '[' {
		return json.Unmarshal(data, (*list[toolCall])(c))
	}
	var one *toolCall
	if err := json.Unmarshal(data, &one); err != nil || one == nil {
		return err
	}
	*c = toolCalls{*one}
	return nil
}

// text is a string or, equally allowed in Letta's messages, a list of parts of
// which those with text count. Anything else is kept as the JSON it is.
type text string

func (t *text) UnmarshalJSON(data []byte) error {
	if json.Unmarshal(data, (*string)(t)) == nil {
		return nil
	}
	var b strings.Builder
	type part struct {
		Text string `json:"text"`
	}
	err := entries(json.NewDecoder(bytes.NewReader(data)), func(p part) error {
		b.WriteString(p.Text)
		return nil
	})
	*t = text(b.String())
	if err != nil {
		*t = text(data)
	}
	return nil
}

// translator turns the messages of one answer into frames. A tool call comes in
// pieces; the name of the tool goes out once, with the first.
type translator struct{ announced toolCall }

// frames returns the frames for m. It returns none for what the old protocol has no
// word for: the user's own message, summaries, events, and kinds of messages that do
// not exist yet.
func (t *translator) frames(m message) []frame {
	switch m.Type {
	case "reasoning_message":
		return say(internalMonologue, m.ID, m.Reasoning)
	case "hidden_reasoning_message":
		return say(internalMonologue, m.ID, m.HiddenReasoning)
	case "assistant_message":
		return say(assistantMessage, m.ID, string(m.Content))
	case "tool_call_message":
		return t.calls(m, "Running ")
	case "approval_request_message":
		return t.calls(m, "Waiting for approval, which this protocol cannot give: ")
	case "tool_return_message":
		return returns(m)
	}
	return nil
}

func (t *translator) calls(m message, verb string) []frame {
	calls := m.ToolCalls
	if len(calls) == 0 {
		calls = m.ToolCall
	}
	var all []frame
	for _, c := range calls {
		piece := c.Arguments
		known := c.ID == t.announced.ID && (c.Name == "" || c.Name == t.announced.Name)
		if !known {
			piece = verb + c.Name + " " + c.Arguments
			t.announced = c
		}
		all = append(all, say(functionMessage, m.ID, piece)...)
	}
	return all
}

func returns(m message) []frame {
	results := m.ToolReturns
	if len(results) == 0 {
		results = []toolReturn{{m.ToolReturn, m.Status}}
	}
	var all []frame
	for _, r := range results {
		verdict := "Success: "
		if r.Status == "error" {
			verdict = "Error: "
		}
		all = append(all, say(functionMessage, m.ID, verdict+string(r.Return))...)
	}
	return all
}

func say(messageType, id, text string) []frame {
	if text == "" {
		return nil // a piece without content: nothing was said yet
	}
	return []frame{responseFrame(messageType, id, text)}
}
