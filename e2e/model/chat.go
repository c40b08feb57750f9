package model

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"
)

// request is the part of a chat completion request that decides something here.
type request struct {
	Model    string    `json:"model"`
	Stream   bool      `json:"stream"`
	Messages []message `json:"messages"`
}

type message struct {
	Role    string  `json:"role"`
	Content content `json:"content"`
}

// content is a string, or a list of parts of which some have text.
type content string

func (c *content) UnmarshalJSON(data []byte) error {
	var text string
	if json.Unmarshal(data, &text) == nil {
		*c = content(text)
		return nil
	}
	var parts []struct {
		Text string `json:"text"`
	}
	if err := json.Unmarshal(data, &parts); err != nil {
		return err
	}
	*c = ""
	for _, part := range parts {
		*c += content(part.Text)
	}
	return nil
}

// lastUserMessage is what the answer depends on: the earlier ones have been answered.
func (r request) lastUserMessage() string {
	for i := len(r.Messages) - 1; i >= 0; i-- {
		if r.Messages[i].Role == "user" {
			return string(r.Messages[i].Content)
		}
	}
	return ""
}

func (s *Server) complete(w http.ResponseWriter, r *http.Request) {
	var req request
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxRequest)).Decode(&req); err != nil {
		writeError(w, http.StatusBadRequest, "the request is not a chat completion: "+err.Error())
		return
	}
	if req.Model != Name {
		writeError(w, http.StatusNotFound, fmt.Sprintf("the model %q does not exist", req.Model))
		return
	}
	wish := parseWish(req.lastUserMessage())
	switch {
	case wish.status != 0:
		writeError(w, wish.status, fmt.Sprintf("failed with %d, as asked", wish.status))
	case req.Stream:
		s.stream(w, r, wish)
	case wish.drop:
		panic(http.ErrAbortHandler)
	default:
		writeJSON(w, http.StatusOK, answer("chat.completion", choice("message", Text(), "stop")))
	}
}

// stream sends the pieces as server-sent events, each one flushed.
func (s *Server) stream(w http.ResponseWriter, r *http.Request, wish wish) {
	w.Header().Set("Content-Type", "text/event-stream")
	wait := s.waiter(wish)
	pieces := Pieces()
	for i, piece := range pieces {
		if i > 0 && wait(r.Context()) != nil {
			return // the client has gone
		}
		if wish.drop && i == len(pieces)/2 {
			panic(http.ErrAbortHandler) // net/http's way to cut a connection
		}
		writeEvent(w, answer("chat.completion.chunk", choice("delta", piece, nil)))
	}
	writeEvent(w, answer("chat.completion.chunk", choice("delta", "", "stop")))
	fmt.Fprint(w, "data: [DONE]\n\n")
}

// waiter returns what stands between two pieces: the gate that the message names, or time.
func (s *Server) waiter(wish wish) func(context.Context) error {
	if wish.gate != "" {
		return s.Gate(wish.gate).pass
	}
	return func(ctx context.Context) error {
		select {
		case <-time.After(s.pace):
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func writeEvent(w http.ResponseWriter, body any) {
	data, _ := json.Marshal(body) // maps of strings and numbers always marshal
	fmt.Fprintf(w, "data: %s\n\n", data)
	http.NewResponseController(w).Flush() // an error here shows at the next write: the context ends
}

func answer(object string, choice map[string]any) map[string]any {
	return map[string]any{
		"id": "chatcmpl-stub", "object": object, "created": 0, "model": Name,
		"choices": []any{choice},
		"usage":   map[string]int{"prompt_tokens": 10, "completion_tokens": 10, "total_tokens": 20},
	}
}

// choice holds text under "message" in a whole answer and under "delta" in a piece of one.
func choice(field, text string, finish any) map[string]any {
	return map[string]any{
		"index": 0, "finish_reason": finish,
		field: map[string]any{"role": "assistant", "content": text},
	}
}
