package demo

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
)

// messageRequest is the body of a message to an agent.
type messageRequest struct {
	Messages []struct {
		Content text `json:"content"`
	} `json:"messages"`
	Input        text  `json:"input"`
	Streaming    bool  `json:"streaming"`
	StreamTokens bool  `json:"stream_tokens"`
	IncludePings *bool `json:"include_pings"`
}

// text is a string or a list of parts with text.
type text string

func (t *text) UnmarshalJSON(data []byte) error {
	if json.Unmarshal(data, (*string)(t)) == nil {
		return nil
	}
	var parts []struct {
		Text string `json:"text"`
	}
	err := json.Unmarshal(data, &parts)
	for _, p := range parts {
		*t += text(p.Text)
	}
	return err
}

// said returns the last thing the user says in r.
func (r messageRequest) said() (string, bool) {
	if n := len(r.Messages); n > 0 {
		return string(r.Messages[n-1].Content), true
	}
	return string(r.Input), r.Input != ""
}

func (s *server) postMessage(w http.ResponseWriter, r *http.Request) {
	id := r.PathValue("id")
	if _, ok := s.agents.get(id); !ok {
		agentNotFound(w, r)
		return
	}
	var req messageRequest
	if !readBody(w, r, &req) {
		return
	}
	said, ok := req.said()
	if !ok {
		refuse(w, http.StatusUnprocessableEntity, "letta-dev demo: the body has neither \"messages\" nor \"input\"")
		return
	}
	streamPath := strings.HasSuffix(r.URL.Path, "/stream")
	if req.Streaming && !streamPath && !newClient(r.Header) {
		refuse(w, http.StatusUnprocessableEntity, "streaming=true is only supported for SDK v1.0+ clients.")
		return
	}
	t := s.newTurn(said)
	// Stored at once: the real server, too, finishes a run whose client left.
	s.agents.add(id, t.question, t.whole())
	if !req.Streaming && !streamPath {
		answer(w, http.StatusOK, response{[]chatMessage{t.whole()}, endTurn(), t.usage()})
		return
	}
	s.stream(w, r, t, req)
}

// newClient applies the rule of letta/utils.py, is_1_0_sdk_version: no User-Agent
// at all, one of the clients' own, or a Stainless package version.
func newClient(h http.Header) bool {
	if h.Get("X-Stainless-Package-Version") != "" {
		return true
	}
	agent := strings.TrimPrefix(h.Get("User-Agent"), "@letta-ai/")
	return agent == "" || strings.HasPrefix(agent, "letta-client/1.")
}

// turn is a message and its answer.
type turn struct {
	question chatMessage
	reply    chatMessage // without content
	pieces   []string
}

func (s *server) newTurn(said string) turn {
	run, step := "run-"+uuid4(), "step-"+uuid4()
	now := s.opts.Now().UTC()
	return turn{
		question: chatMessage{ID: "message-" + uuid4(), Date: now, Type: "user_message", Content: clip(said)},
		reply:    chatMessage{ID: "message-" + uuid4(), Date: now, Type: "assistant_message", RunID: &run, StepID: &step},
		pieces:   reply(said),
	}
}

// reply is what every agent answers, in the ten pieces it is streamed in.
func reply(said string) []string {
	const most = 200
	if len(said) > most {
		said = strings.ToValidUTF8(said[:most], "") + "…"
	}
	return []string{
		"This", " is", " the", " letta-dev", " demo:", " no", " model", " runs", " here.",
		fmt.Sprintf(" You said: %q", said),
	}
}

// whole returns the answer as one message.
func (t turn) whole() chatMessage {
	return t.piece(strings.Join(t.pieces, ""))
}

func (t turn) piece(content string) chatMessage {
	m := t.reply
	m.Content = content
	return m
}

func (t turn) ping() chatMessage {
	return chatMessage{ID: "ping-" + uuid4(), Date: t.reply.Date, Type: "ping", RunID: t.reply.RunID}
}

func (t turn) usage() usage {
	n := len(t.pieces)
	return usage{Type: "usage_statistics", CompletionTokens: n, PromptTokens: n, TotalTokens: 2 * n, StepCount: 1}
}

func endTurn() stopReason { return stopReason{"stop_reason", "end_turn"} }

// stream sends t event by event: a ping at once, the answer at the given pace,
// and what ends it. It stops when the client is gone.
func (s *server) stream(w http.ResponseWriter, r *http.Request, t turn, req messageRequest) {
	w.Header().Set("Content-Type", "text/event-stream; charset=utf-8")
	if req.IncludePings == nil || *req.IncludePings {
		send(w, t.ping())
	}
	pieces := t.pieces
	if !req.StreamTokens {
		pieces = []string{t.whole().Content}
	}
	for _, p := range pieces {
		if s.opts.Pace(r.Context()) != nil {
			return
		}
		send(w, t.piece(p))
	}
	send(w, endTurn())
	send(w, t.usage())
	fmt.Fprint(w, "data: [DONE]\n\n")
}

// send writes one event and flushes it. That the client is gone shows in the
// request's context.
func send(w http.ResponseWriter, v any) {
	data, err := json.Marshal(v)
	if err != nil {
		panic(err) // shapes of this package
	}
	fmt.Fprintf(w, "data: %s\n\n", data)
	http.NewResponseController(w).Flush()
}
