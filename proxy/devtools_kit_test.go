package proxy

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"os/exec"
	"strings"
	"testing"

	"github.com/coder/websocket"
	"github.com/coder/websocket/wsjson"
)

// A tab is one of a real browser, which does what the DevTools protocol says: https://chromedevtools.github.io/devtools-protocol/
type tab struct {
	t       *testing.T
	ctx     context.Context
	conn    *websocket.Conn
	session string
	last    int // call
}

// A devtoolsMessage is a call, its answer or an event.
type devtoolsMessage struct {
	ID      int             `json:"id,omitempty"`
	Session string          `json:"sessionId,omitempty"`
	Method  string          `json:"method,omitempty"`
	Params  any             `json:"params,omitempty"`
	Result  json.RawMessage `json:"result,omitempty"`
	Error   any             `json:"error,omitempty"`
}

// openTab starts a browser that believes every certificate and finds every name on this machine.
func openTab(t *testing.T, chromium string) *tab {
	t.Helper()
	browser := exec.Command(chromium, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--user-data-dir="+t.TempDir(),
		"--remote-debugging-port=0", "--ignore-certificate-errors", "--host-resolver-rules=MAP * 127.0.0.1", "about:blank")
	said, err := browser.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := browser.Start(); err != nil {
		t.Fatal(err)
	}
	b := &tab{t: t}
	var cancel context.CancelFunc
	b.ctx, cancel = context.WithTimeout(context.Background(), 3*patience)
	lines := bufio.NewScanner(said)
	for b.conn == nil && lines.Scan() {
		if _, url, ok := strings.Cut(lines.Text(), "DevTools listening on "); ok {
			if b.conn, _, err = websocket.Dial(b.ctx, url, nil); err != nil {
				t.Fatal(err)
			}
		}
	}
	if b.conn == nil {
		t.Fatal("the browser ended at once")
	}
	b.conn.SetReadLimit(1 << 20)
	drained := make(chan struct{})
	go func() { defer close(drained); _, _ = io.Copy(io.Discard, said) }()
	t.Cleanup(func() {
		defer cancel()
		_ = wsjson.Write(b.ctx, b.conn, devtoolsMessage{ID: b.last + 1, Method: "Browser.close"})
		<-drained // by its children too, which write into its profile
		_ = browser.Wait()
		_ = b.conn.CloseNow()
	})
	var target struct{ TargetID string }
	b.call("Target.createTarget", map[string]any{"url": "about:blank"}, &target)
	var attached struct{ SessionID string }
	b.call("Target.attachToTarget", map[string]any{"targetId": target.TargetID, "flatten": true}, &attached)
	b.session = attached.SessionID
	b.call("Page.enable", nil, nil)
	return b
}

// call returns when the browser has done something.
func (b *tab) call(method string, params, result any) {
	b.t.Helper()
	b.last++
	if err := wsjson.Write(b.ctx, b.conn, devtoolsMessage{ID: b.last, Session: b.session, Method: method, Params: params}); err != nil {
		b.t.Fatal(err)
	}
	answer := b.await(func(m devtoolsMessage) bool { return m.ID == b.last })
	if answer.Error != nil {
		b.t.Fatalf("%s: %v", method, answer.Error)
	}
	if result != nil {
		if err := json.Unmarshal(answer.Result, result); err != nil {
			b.t.Fatal(err)
		}
	}
}

func (b *tab) await(is func(devtoolsMessage) bool) (m devtoolsMessage) {
	b.t.Helper()
	for !is(m) {
		m = devtoolsMessage{}
		if err := wsjson.Read(b.ctx, b.conn, &m); err != nil {
			b.t.Fatal(err)
		}
	}
	return m
}

// show returns when a page has been loaded.
func (b *tab) show(url string) {
	b.t.Helper()
	b.call("Page.navigate", map[string]any{"url": url}, nil)
	b.await(func(m devtoolsMessage) bool { return m.Method == "Page.loadEventFired" })
}

// ask has the page compute something.
func (b *tab) ask(expression string, result any) {
	b.t.Helper()
	var evaluated struct {
		Result struct{ Value json.RawMessage }
	}
	b.call("Runtime.evaluate", map[string]any{"expression": expression, "returnByValue": true}, &evaluated)
	if err := json.Unmarshal(evaluated.Result.Value, result); err != nil {
		b.t.Fatalf("%s: %v", evaluated.Result.Value, err)
	}
}
