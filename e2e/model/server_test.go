package model_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/letta-dev/letta-dev/e2e/model"
)

func start(t *testing.T, options ...model.Option) *model.Server {
	t.Helper()
	s, err := model.Start("127.0.0.1:0", append([]model.Option{model.Pace(0)}, options...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// post sends one user message and returns the answer, whose body is closed when the test ends.
func post(t *testing.T, s *model.Server, stream bool, message string) *http.Response {
	t.Helper()
	body, err := json.Marshal(map[string]any{
		"model": model.Name, "stream": stream,
		"messages": []any{
			map[string]string{"role": "user", "content": "please fail 500"}, // of an earlier turn
			map[string]any{"role": "user", "content": []any{map[string]string{"type": "text", "text": message}}},
			map[string]any{"role": "assistant", "content": nil},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return postBody(t, s, string(body))
}

func postBody(t *testing.T, s *model.Server, body string) *http.Response {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), "POST", s.URL("127.0.0.1")+"/chat/completions", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { resp.Body.Close() })
	return resp
}

// completion is an answer or a piece of one, as a client sees it.
type completion struct {
	Choices []struct {
		Delta, Message struct{ Role, Content string }
		FinishReason   string `json:"finish_reason"`
	}
	Error struct{ Message string }
}

// events calls got with each event's data until the stream ends, and returns how it ended.
func events(r io.Reader, got func(data string)) error {
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		if data, ok := strings.CutPrefix(lines.Text(), "data: "); ok {
			got(data)
		}
	}
	return lines.Err()
}

func delta(t *testing.T, data string) string {
	t.Helper()
	var c completion
	if err := json.Unmarshal([]byte(data), &c); err != nil {
		t.Fatalf("event %q: %v", data, err)
	}
	return c.Choices[0].Delta.Content
}

func TestModels(t *testing.T) {
	resp, err := http.Get(start(t).URL("127.0.0.1") + "/models")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var list struct {
		Data []struct {
			ID          string
			MaxModelLen int `json:"max_model_len"`
		}
	}
	if err := json.NewDecoder(resp.Body).Decode(&list); err != nil {
		t.Fatal(err)
	}
	if len(list.Data) != 1 || list.Data[0].ID != model.Name || list.Data[0].MaxModelLen == 0 {
		t.Errorf("models are %+v, want %q with a length", list.Data, model.Name)
	}
}

func TestWholeAnswer(t *testing.T) {
	var c completion
	if err := json.NewDecoder(post(t, start(t), false, "hi").Body).Decode(&c); err != nil {
		t.Fatal(err)
	}
	if got := c.Choices[0].Message.Content; got != model.Text() || c.Choices[0].FinishReason != "stop" {
		t.Errorf("answer %q (%s), want %q (stop)", got, c.Choices[0].FinishReason, model.Text())
	}
}

func TestStreamedAnswer(t *testing.T) {
	const pace = 2 * time.Millisecond
	began := time.Now()
	resp := post(t, start(t, model.Pace(pace)), true, "hi")
	var all []string
	if err := events(resp.Body, func(data string) { all = append(all, data) }); err != nil {
		t.Fatal(err)
	}
	if want := time.Duration(len(model.Pieces())-1) * pace; time.Since(began) < want {
		t.Errorf("took %v, less than nine paces: %v", time.Since(began), want)
	}
	if len(all) != 12 || all[11] != "[DONE]" {
		t.Fatalf("%d events, the last %q, want ten pieces, the end and [DONE]", len(all), all[len(all)-1])
	}
	for i, want := range model.Pieces() {
		if got := delta(t, all[i]); got != want {
			t.Errorf("piece %d is %q, want %q", i, got, want)
		}
	}
	if !strings.Contains(all[10], `"finish_reason":"stop"`) {
		t.Errorf("the last chunk %s does not say stop", all[10])
	}
}

// Each piece is let out only after the one before has been read: an answer that comes whole would need no gate, and
// one that is held back would never end.
func TestGate(t *testing.T) {
	s := start(t)
	resp := post(t, s, true, `{"message": "please wait for read-1"}`)
	seen := 0
	err := events(resp.Body, func(data string) {
		if data == "[DONE]" || delta(t, data) == "" {
			return
		}
		seen++
		s.Gate("read-1").Open()
	})
	if err != nil || seen != len(model.Pieces()) {
		t.Errorf("saw %d pieces (%v), want %d", seen, err, len(model.Pieces()))
	}
}

func TestClosedGateHolds(t *testing.T) {
	s := start(t)
	resp := post(t, s, true, "please wait for nobody")
	lines := bufio.NewReader(resp.Body)
	if line, err := lines.ReadString('\n'); err != nil || !strings.Contains(line, model.Pieces()[0]) {
		t.Fatalf("first line %q, %v", line, err)
	}
	lines.ReadString('\n')
	s.Close() // whatever had passed the gate would be read before the end
	if rest, err := io.ReadAll(lines); len(rest) != 0 || err == nil {
		t.Errorf("read %q (%v) past a closed gate", rest, err)
	}
}

func TestGateOpensWithoutWaiting(t *testing.T) {
	gate := start(t).Gate("early")
	for range 10 * len(model.Pieces()) {
		gate.Open()
	}
}

func TestFailures(t *testing.T) {
	s := start(t)
	for message, want := range map[string]int{
		"please fail 500": 500,
		"please fail 429": 429,
		"please fail 200": 200, // not a failure, so not a wish
	} {
		if got := post(t, s, true, message).StatusCode; got != want {
			t.Errorf("%q: status %d, want %d", message, got, want)
		}
	}
	var c completion
	if err := json.NewDecoder(post(t, s, false, "please fail 503").Body).Decode(&c); err != nil || !strings.Contains(c.Error.Message, "503") {
		t.Errorf("error message %q (%v), want one that says 503", c.Error.Message, err)
	}
}

func TestDrop(t *testing.T) {
	pieces := 0
	err := events(post(t, start(t), true, "please drop").Body, func(string) { pieces++ })
	if err == nil || pieces != len(model.Pieces())/2 {
		t.Errorf("%d pieces, then %v, want half of them and an error", pieces, err)
	}
}

func TestBadRequests(t *testing.T) {
	s := start(t)
	for body, want := range map[string]int{
		"{":                                     400,
		`{"messages": 1}`:                       400,
		`{"messages":[{"content":1}]}`:          400,
		`{"model":"gpt-9"}`:                     404,
		fmt.Sprintf(`{"model":%q}`, model.Name): 200,
	} {
		if got := postBody(t, s, body).StatusCode; got != want {
			t.Errorf("%s: status %d, want %d", body, got, want)
		}
	}
	resp, err := http.Get(s.URL("127.0.0.1") + "/embeddings")
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != 404 {
		t.Errorf("unknown path: status %d, want 404", resp.StatusCode)
	}
}

func TestStartRefusesAddresses(t *testing.T) {
	for _, addr := range []string{"0.0.0.0:0", "[::]:0", ":0", "localhost:0", "127.0.0.1"} {
		if s, err := model.Start(addr); err == nil {
			s.Close()
			t.Errorf("Start(%q) listens", addr)
		} else if !strings.Contains(err.Error(), fmt.Sprintf("%q", addr)) {
			t.Errorf("Start(%q): %v, want the address in it", addr, err)
		}
	}
}

func TestStartSaysThatAPortIsTaken(t *testing.T) {
	s := start(t)
	addr := strings.TrimSuffix(strings.TrimPrefix(s.URL("127.0.0.1"), "http://"), "/v1")
	if second, err := model.Start(addr); err == nil {
		second.Close()
		t.Errorf("two models on %s", addr)
	}
}
