//go:build e2e && linux

package trust

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"time"

	"github.com/coder/websocket"
)

type object map[string]any

// browser is a session of WebDriver BiDi: https://w3c.github.io/webdriver-bidi/
type browser struct {
	conn    *websocket.Conn
	id      int
	context string // the tab
}

// openBrowser begins a session with the browser that writes its address to stderr.
func openBrowser(ctx context.Context, stderr io.Reader) (*browser, error) {
	lines := bufio.NewReader(stderr)
	address := regexp.MustCompile(`WebDriver BiDi listening on (ws://\S+)`)
	for {
		line, err := lines.ReadString('\n')
		if err != nil {
			return nil, fmt.Errorf("the browser ended before it listened: %w", err)
		}
		if m := address.FindStringSubmatch(line); m != nil {
			go func() { _, _ = io.Copy(io.Discard, lines) }() // ends with the browser
			return session(ctx, m[1]+"/session")
		}
	}
}

func session(ctx context.Context, url string) (*browser, error) {
	conn, _, err := websocket.Dial(ctx, url, nil)
	if err != nil {
		return nil, err
	}
	conn.SetReadLimit(16 << 20)
	b := &browser{conn: conn}
	capabilities := object{"alwaysMatch": object{"acceptInsecureCerts": false}}
	if _, err := b.call(ctx, "session.new", object{"capabilities": capabilities}); err != nil {
		return nil, err
	}
	tree, err := b.call(ctx, "browsingContext.getTree", object{})
	if err != nil {
		return nil, err
	}
	var tabs struct{ Contexts []struct{ Context string } }
	if err := json.Unmarshal(tree, &tabs); err != nil || len(tabs.Contexts) == 0 {
		return nil, errors.Join(err, fmt.Errorf("no tab in %s", tree))
	}
	b.context = tabs.Contexts[0].Context
	return b, nil
}

// open returns the page, or why there is none.
func (b *browser) open(ctx context.Context, url string) string {
	if _, err := b.call(ctx, "browsingContext.navigate", object{"context": b.context, "url": url, "wait": "complete"}); err != nil {
		return err.Error()
	}
	page, err := b.call(ctx, "script.evaluate", object{
		"expression": "document.documentElement.outerHTML", "target": object{"context": b.context}, "awaitPromise": false})
	if err != nil {
		return err.Error()
	}
	return string(page)
}

// openWithin is open with a limit. That one was reached is the only error.
func (b *browser) openWithin(ctx context.Context, limit time.Duration, url string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	said := b.open(ctx, url)
	return said, ctx.Err()
}

// call sends a command and returns its result. Events that nobody asked for are passed over.
func (b *browser) call(ctx context.Context, method string, params object) (json.RawMessage, error) {
	b.id++
	message, err := json.Marshal(object{"id": b.id, "method": method, "params": params})
	if err != nil {
		return nil, err
	}
	if err := b.conn.Write(ctx, websocket.MessageText, message); err != nil {
		return nil, err
	}
	for {
		_, data, err := b.conn.Read(ctx)
		if err != nil {
			return nil, err
		}
		var answer struct {
			ID             int
			Result         json.RawMessage
			Error, Message string
		}
		if err := json.Unmarshal(data, &answer); err != nil {
			return nil, err
		}
		switch {
		case answer.ID != b.id:
		case answer.Error != "":
			return nil, fmt.Errorf("%s: %s", answer.Error, answer.Message)
		default:
			return answer.Result, nil
		}
	}
}
