package bridge

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
)

// refusal is the error for an answer that is not 2xx.
func refusal(resp *http.Response) error {
	body, _ := io.ReadAll(io.LimitReader(resp.Body, 64<<10)) // what there is
	err := fmt.Errorf("the Letta server answered %d %s", resp.StatusCode, http.StatusText(resp.StatusCode))
	if text := reason(body); text != "" {
		err = fmt.Errorf("%w: %s", err, text)
	}
	if advice := advice(resp.StatusCode); advice != "" {
		err = fmt.Errorf("%w; %s", err, advice)
	}
	return err
}

func advice(status int) string {
	switch status {
	case http.StatusUnauthorized:
		return "set LETTA_SERVER_PASSWORD to the server's password, then: letta-dev up"
	case http.StatusServiceUnavailable, http.StatusBadGateway, http.StatusGatewayTimeout:
		return "the server may still be starting; see: letta-dev status"
	}
	return ""
}

// reason finds the sentence in an error as Letta sends it: {"detail":…},
// {"error":{"message":…,"detail":…}} or the error_message of a stream. Of
// anything else it returns the beginning.
func reason(body []byte) string {
	type fault struct {
		Message string          `json:"message"`
		Detail  json.RawMessage `json:"detail"`
		Error   json.RawMessage `json:"error"`
	}
	var outer fault
	if json.Unmarshal(body, &outer) != nil {
		return clip(strings.ToValidUTF8(strings.TrimSpace(string(body)), "�"))
	}
	inner := outer
	if json.Unmarshal(outer.Error, &inner) != nil && len(outer.Error) > 0 {
		return plain(outer.Error)
	}
	switch detail := plain(inner.Detail); {
	case inner.Message == "" && detail == "":
		return clip(string(body))
	case inner.Message == "":
		return detail
	case detail == "":
		return clip(inner.Message)
	default:
		return clip(inner.Message) + " " + detail
	}
}

// plain returns a JSON string as text and any other value but null as it stands.
func plain(value json.RawMessage) string {
	var s string
	if json.Unmarshal(value, &s) != nil {
		s = string(value)
	}
	return clip(s)
}
