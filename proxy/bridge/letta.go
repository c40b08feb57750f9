package bridge

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"mime"
	"net/http"
	"net/url"
	"regexp"
	"strings"
)

// maxBody bounds an answer that is read as a whole.
const maxBody = 16 << 20

// done is the Type of the message that stands for the [DONE] of a stream.
const done = "done"

// errEnough ends the reading of an answer that nobody reads on.
var errEnough = errors.New("enough of the answer")

// letta is a client for the few calls the bridge needs.
type letta struct {
	server    string
	transport http.RoundTripper
	password  func() string
	agentID   *regexp.Regexp
}

func newLetta(cfg Config) *letta {
	return &letta{
		server:    strings.TrimSuffix(cfg.Server, "/"),
		transport: cfg.Transport,
		password:  cfg.Password,
		// The form the server itself demands (letta/validators.py).
		agentID: regexp.MustCompile(`^agent-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`),
	}
}

// createAgent makes an agent from the config of a create_agent and returns its
// id.
func (l *letta) createAgent(ctx context.Context, config map[string]json.RawMessage) (string, error) {
	resp, err := l.do(ctx, http.MethodPost, "/v1/agents/", modernConfig(config))
	if err != nil {
		return "", err
	}
	var agent struct {
		ID string `json:"id"`
	}
	if err := readJSON(resp, &agent); err != nil {
		return "", err
	}
	if !l.agentID.MatchString(agent.ID) {
		return "", fmt.Errorf("the Letta server's answer has no agent's id but %q", clip(agent.ID))
	}
	return agent.ID, nil
}

// modernConfig returns config with the persona and the human of the old protocol,
// which were plain texts, in the memory blocks that replaced them.
func modernConfig(config map[string]json.RawMessage) map[string]any {
	body := make(map[string]any, len(config))
	for k, v := range config {
		body[k] = v
	}
	if _, ok := body["memory_blocks"]; ok {
		return body
	}
	var blocks []map[string]string
	for _, label := range []string{"persona", "human"} {
		var value string
		if json.Unmarshal(config[label], &value) == nil && value != "" {
			blocks = append(blocks, map[string]string{"label": label, "value": value})
			delete(body, label)
		}
	}
	if blocks != nil {
		body["memory_blocks"] = blocks
	}
	return body
}

// findAgent returns the id of the agent with that id or name.
func (l *letta) findAgent(ctx context.Context, idOrName string) (string, error) {
	if l.agentID.MatchString(idOrName) {
		return idOrName, nil
	}
	resp, err := l.do(ctx, http.MethodGet, "/v1/agents/?limit=2&name="+url.QueryEscape(idOrName), nil)
	if err != nil {
		return "", fmt.Errorf("looking for agent %q: %w", clip(idOrName), err)
	}
	defer resp.Body.Close()
	var found []string
	type agent struct{ ID, Name string }
	err = entries(json.NewDecoder(io.LimitReader(resp.Body, maxBody)), func(a agent) error {
		if a.Name == idOrName && l.agentID.MatchString(a.ID) {
			found = append(found, a.ID)
		}
		return nil
	})
	if err != nil {
		return "", fmt.Errorf("looking for agent %q: %w", clip(idOrName), notJSON(err))
	}
	switch len(found) {
	case 0:
		return "", fmt.Errorf("no agent has the id or the name %q; GET /v1/agents/ lists them", clip(idOrName))
	case 1:
		return found[0], nil
	}
	return "", fmt.Errorf("several agents have the name %q; use an id from GET /v1/agents/", clip(idOrName))
}

// send gives a user's message to an agent and yields the messages of the answer
// as they come. An error ends the sequence. At the end of a stream a message of
// type done may come before the sequence ends, so that the client need not wait
// for the server to close it (which takes Letta 0.1 s).
//
// The end of client ends the reading, but not before the server has the message.
func (l *letta) send(ctx, client context.Context, agent string, req request) iter.Seq2[message, error] {
	return func(yield func(message, error) bool) {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		resp, err := l.do(ctx, http.MethodPost, "/v1/agents/"+agent+"/messages", map[string]any{
			"messages":      []map[string]string{{"role": "user", "content": req.message}},
			"streaming":     true,
			"stream_tokens": req.tokens,
			"include_pings": true,
		})
		if err != nil {
			yield(message{}, err)
			return
		}
		defer context.AfterFunc(client, cancel)()
		defer resp.Body.Close()
		answer := streamed(resp.Body)
		if kind, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type")); kind == "application/json" {
			answer = whole(resp) // a server older than "streaming"
		}
		answer(yield)
	}
}

// streamed yields the messages of a stream of events.
func streamed(body io.Reader) iter.Seq2[message, error] {
	return func(yield func(message, error) bool) {
		complete := false
		for ev, err := range events(body) {
			if err != nil && complete {
				return
			}
			if err != nil {
				yield(message{}, fmt.Errorf("the answer broke off: %w", err))
				return
			}
			var m message
			switch {
			case ev.data == "[DONE]":
				m.Type = done
			case ev.name == "error":
				yield(message{}, errors.New(reason([]byte(ev.data))))
				return
			case !strings.HasPrefix(ev.data, "{"):
				continue // [DONE_STEP] and [DONE_GEN] of old servers
			default:
				if m, err = parseMessage([]byte(ev.data)); err != nil {
					yield(message{}, err)
					return
				}
			}
			complete = complete || m.Type == done || m.Type == "stop_reason" || m.Type == "usage_statistics"
			if !yield(m, nil) {
				return
			}
		}
		if !complete {
			yield(message{}, errors.New("the answer broke off: the server closed the stream without saying why it stopped"))
		}
	}
}

func parseMessage(data []byte) (message, error) {
	var m message
	if len(data) > maxEvent {
		return m, fmt.Errorf("the server sent a message that is longer than %d MiB", maxEvent>>20)
	}
	if err := json.Unmarshal(data, &m); err != nil {
		return m, fmt.Errorf("the server sent something that is not a message: %w", err)
	}
	if m.Type == "error_message" {
		return m, errors.New(reason(data))
	}
	return m, nil
}

// whole yields the messages of an answer that is one JSON object, each as it is read.
func whole(resp *http.Response) iter.Seq2[message, error] {
	return func(yield func(message, error) bool) {
		var stopReason message
		d := json.NewDecoder(io.LimitReader(resp.Body, maxBody))
		err := object(d, func(key string) error {
			switch key {
			case "messages":
				return entries(d, func(data json.RawMessage) error {
					if m, err := parseMessage(data); !yield(m, err) || err != nil {
						return errEnough
					}
					return nil
				})
			case "stop_reason":
				return d.Decode(&stopReason)
			}
			return d.Decode(new(json.RawMessage))
		})
		switch {
		case errors.Is(err, errEnough):
		case err != nil:
			yield(message{}, notJSON(err))
		default:
			yield(stopReason, nil)
		}
	}
}

// do sends one request. Its error is for the client: what happened, why, and
// what to do. An answer other than 2xx is an error.
func (l *letta) do(ctx context.Context, method, path string, body any) (*http.Response, error) {
	var data []byte
	if body != nil {
		var err error
		if data, err = json.Marshal(body); err != nil {
			return nil, err
		}
	}
	req, err := http.NewRequestWithContext(ctx, method, l.server+path, bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept", "text/event-stream, application/json")
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	// Sent empty, that is not at all: the server refuses "streaming" to a
	// User-Agent it does not know as a new one, and takes none for new
	// (letta/utils.py, is_1_0_sdk_version).
	req.Header.Set("User-Agent", "")
	if l.password != nil {
		if pw := l.password(); pw != "" {
			req.Header.Set("Authorization", "Bearer "+pw)
		}
	}
	resp, err := l.transport.RoundTrip(req)
	if err != nil {
		return nil, fmt.Errorf("cannot reach the Letta server: %w; see: letta-dev status", err)
	}
	if resp.StatusCode/100 != 2 {
		defer resp.Body.Close()
		return nil, refusal(resp)
	}
	return resp, nil
}

// readJSON reads and closes the body of resp.
func readJSON(resp *http.Response, into any) error {
	defer resp.Body.Close()
	if err := json.NewDecoder(io.LimitReader(resp.Body, maxBody)).Decode(into); err != nil {
		return notJSON(err)
	}
	return nil
}

func notJSON(err error) error {
	return fmt.Errorf("the Letta server's answer is not the JSON it should be: %w", err)
}
