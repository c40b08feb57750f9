package bridge_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/letta-dev/letta-dev/proxy/bridge"
)

func ask(t *testing.T, fields ...string) (*http.Response, string) {
	t.Helper()
	front := httptest.NewServer(bridge.New(bridge.Config{Server: "http://letta"}))
	t.Cleanup(front.Close)
	req, err := http.NewRequest("GET", front.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range fields {
		name, value, _ := strings.Cut(f, ": ")
		req.Header.Add(name, value)
	}
	resp, err := front.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode == http.StatusSwitchingProtocols {
		return resp, "" // the body is the socket
	}
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(body)
}

func TestPlainRequestIsToldWhatThePortIs(t *testing.T) {
	resp, body := ask(t)
	if resp.StatusCode != http.StatusUpgradeRequired || resp.Header.Get("Upgrade") != "websocket" || resp.Header.Get("Connection") != "Upgrade" {
		t.Errorf("%s, %v", resp.Status, resp.Header)
	}
	var told struct{ Detail string }
	if err := json.Unmarshal([]byte(body), &told); err != nil || !strings.Contains(told.Detail, "WebSocket port") {
		t.Errorf("%v in %s", err, body)
	}
	resp, body = ask(t, "Accept: text/html,application/xhtml+xml,*/*;q=0.8")
	if resp.StatusCode != http.StatusUpgradeRequired || !strings.HasPrefix(resp.Header.Get("Content-Type"), "text/html") || !strings.Contains(body, "new WebSocket(") {
		t.Errorf("%s, %v\n%s", resp.Status, resp.Header, body)
	}
}

func TestWrongUpgradeIsRefused(t *testing.T) {
	for _, c := range []struct {
		status int
		fields []string
	}{
		{http.StatusUpgradeRequired, []string{"Connection: Upgrade", "Upgrade: h2c"}},
		{http.StatusUpgradeRequired, []string{"Upgrade: websocket"}},
		{http.StatusBadRequest, []string{"Connection: Upgrade", "Upgrade: foo, WebSocket", "Sec-WebSocket-Version: 8"}},
		{http.StatusBadRequest, []string{"Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13"}},
	} {
		if resp, body := ask(t, c.fields...); resp.StatusCode != c.status {
			t.Errorf("%q: %s %s", c.fields, resp.Status, body)
		}
	}
}

// In HTTP/2 there is no upgrade, and the fields for one are forbidden.
func TestHTTP2IsToldToo(t *testing.T) {
	w := httptest.NewRecorder()
	r := httptest.NewRequest("GET", "https://letta.localhost:8282/", nil)
	r.ProtoMajor, r.ProtoMinor = 2, 0
	r.Header.Set("Upgrade", "websocket")
	bridge.New(bridge.Config{Server: "http://letta"}).ServeHTTP(w, r)
	if w.Code != http.StatusUpgradeRequired || w.Header().Get("Connection") != "" || w.Header().Get("Upgrade") != "" {
		t.Errorf("%d %v", w.Code, w.Header())
	}
}

// Origin is the proxy's business: it knows what the user allows.
func TestForeignOriginIsNotCheckedHere(t *testing.T) {
	resp, body := ask(t, "Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13",
		"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "Origin: https://app.letta.com")
	if resp.StatusCode != http.StatusSwitchingProtocols {
		t.Errorf("%s %s", resp.Status, body)
	}
}
