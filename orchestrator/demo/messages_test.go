package demo_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/letta-dev/letta-dev/orchestrator/demo"
)

// pace lets a test say when the next piece may come.
func pace(next <-chan struct{}) func(context.Context) error {
	return func(ctx context.Context) error {
		select {
		case <-next:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// noon is a clock that stands.
func noon() func() time.Time {
	return func() time.Time { return time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC) }
}

// event is what the tests look at in an event.
type event struct {
	Type       string `json:"message_type"`
	ID         string `json:"id"`
	Content    string `json:"content"`
	StopReason string `json:"stop_reason"`
	Date       string `json:"date"`
}

// nextEvent reads one event and returns it, and its bytes.
func nextEvent(t *testing.T, r *bufio.Reader) (event, string) {
	t.Helper()
	line, err := r.ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	if blank, _ := r.ReadString('\n'); blank != "\n" {
		t.Fatalf("%q is followed by %q", line, blank)
	}
	data := strings.TrimSuffix(strings.TrimPrefix(line, "data: "), "\n")
	var ev event
	if data != "[DONE]" {
		unmarshal(t, []byte(data), &ev)
	}
	return ev, data
}

// The next piece is written only when the client has read the one before.
func TestStreamComesPieceByPiece(t *testing.T) {
	next := make(chan struct{})
	s := start(t, demo.Options{Pace: pace(next), Now: noon()})
	id := s.create("x")
	resp := s.do("POST", "/v1/agents/"+id+"/messages",
		`{"messages":[{"role":"user","content":"hi"}],"streaming":true,"stream_tokens":true}`,
		"User-Agent: Letta/Python 1.12.1", "X-Stainless-Package-Version: 1.12.1")
	if got := resp.Header.Get("Content-Type"); got != "text/event-stream; charset=utf-8" {
		t.Errorf("Content-Type %q", got)
	}
	r := bufio.NewReader(resp.Body)
	if ping, data := nextEvent(t, r); ping.Type != "ping" || !strings.Contains(data, `"name":null,"message_type":"ping","otid":null`) {
		t.Errorf("first event %s", data)
	}
	var whole, messageID string
	for range 10 {
		next <- struct{}{}
		ev, data := nextEvent(t, r)
		if ev.Type != "assistant_message" || ev.Date != "2026-11-20T12:00:00Z" || (messageID != "" && ev.ID != messageID) {
			t.Errorf("piece %s", data)
		}
		whole, messageID = whole+ev.Content, ev.ID
	}
	if want := `This is the letta-dev demo: no model runs here. You said: "hi"`; whole != want {
		t.Errorf("said %q, want %q", whole, want)
	}
	stop, _ := nextEvent(t, r)
	usage, data := nextEvent(t, r)
	_, done := nextEvent(t, r)
	if stop.StopReason != "end_turn" || usage.Type != "usage_statistics" || done != "[DONE]" {
		t.Errorf("ended with %+v, %s, %s", stop, data, done)
	}
	if _, err := r.ReadByte(); err == nil {
		t.Error("something follows [DONE]")
	}
}

func TestOneMessageWithoutTokens(t *testing.T) {
	next := make(chan struct{}, 1)
	next <- struct{}{}
	s := start(t, demo.Options{Pace: pace(next)})
	id := s.create("x")
	// Any client may use /messages/stream.
	_, body := s.get("POST", "/v1/agents/"+id+"/messages/stream", `{"input":[{"type":"text","text":"hi"}],"include_pings":false}`, "User-Agent: curl/8")
	if n := strings.Count(body, "data: "); n != 4 || !strings.Contains(body, `You said: \"hi\""`) {
		t.Errorf("%d events: %s", n, body)
	}
}

// A client that streams here but could not with the real server would learn
// something wrong.
func TestStreamingNeedsANewClient(t *testing.T) {
	s := start(t, demo.Options{Pace: func(context.Context) error { return nil }})
	id := s.create("x")
	for agent, want := range map[string]int{
		"":                            200,
		"curl/8.5.0":                  422,
		"Mozilla/5.0":                 422,
		"letta-client/1.12.1":         200,
		"@letta-ai/letta-client/1.2":  200,
		"letta-client/0.9":            422,
		"python-httpx/0.28":           422,
		"something/letta-client/1.12": 422,
	} {
		status, body := s.get("POST", "/v1/agents/"+id+"/messages", `{"input":"hi","streaming":true}`, "User-Agent: "+agent)
		if status != want {
			t.Errorf("%q: %d %.100s", agent, status, body)
		}
	}
}

func TestAnswerAsJSON(t *testing.T) {
	s := start(t, demo.Options{})
	id := s.create("x")
	_, body := s.get("POST", "/v1/agents/"+id+"/messages", `{"messages":[{"role":"user","content":"one"},{"role":"user","content":[{"type":"text","text":"two"}]}]}`)
	var got struct {
		Messages   []event
		StopReason event `json:"stop_reason"`
		Usage      struct {
			Total int `json:"total_tokens"`
		}
	}
	unmarshal(t, []byte(body), &got)
	if len(got.Messages) != 1 || !strings.HasSuffix(got.Messages[0].Content, `no model runs here. You said: "two"`) {
		t.Errorf("messages %+v", got.Messages)
	}
	if got.StopReason.StopReason != "end_turn" || got.Usage.Total != 20 {
		t.Errorf("%s", body)
	}
	_, history := s.get("GET", "/v1/agents/"+id+"/messages", "")
	var kept []event
	unmarshal(t, []byte(history), &kept)
	if len(kept) != 2 || kept[0].Type != "assistant_message" || kept[1].Content != "two" {
		t.Errorf("history %s", history)
	}
	if kept[0].ID != got.Messages[0].ID {
		t.Error("the message in the history has another id")
	}
}

func TestMessagesThatAreNone(t *testing.T) {
	s := start(t, demo.Options{})
	id := s.create("x")
	for _, body := range []string{`{}`, `[]`, ``, `{"messages":[]}`, `{"input":7}`, `{"messages":"hi"}`} {
		status, answer := s.get("POST", "/v1/agents/"+id+"/messages", body)
		if status != 422 || !json.Valid([]byte(answer)) {
			t.Errorf("%q: %d %s", body, status, answer)
		}
	}
}

// The real server finishes the run of a client that left, and so do we.
func TestAnswerOfAClientThatLeftIsKept(t *testing.T) {
	gone := make(chan error, 1)
	s := start(t, demo.Options{Pace: func(ctx context.Context) error {
		<-ctx.Done()
		gone <- ctx.Err()
		return ctx.Err()
	}})
	id := s.create("x")
	resp := s.do("POST", "/v1/agents/"+id+"/messages/stream", `{"input":"hi","stream_tokens":true}`)
	nextEvent(t, bufio.NewReader(resp.Body))
	resp.Body.Close()
	if err := <-gone; !errors.Is(err, context.Canceled) {
		t.Errorf("pace saw %v", err)
	}
	if got := len(s.ids("/v1/agents/" + id + "/messages")); got != 2 {
		t.Errorf("%d messages are kept", got)
	}
}
