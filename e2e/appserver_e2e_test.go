//go:build e2e

package e2e_test

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/letta-dev/letta-dev/e2e/clients"
	"github.com/letta-dev/letta-dev/e2e/model"
)

// The Letta App Server, which refuses every page, works with pages through the proxy: it is the upstream of WebSockets, and its own
// server is the real Letta behind the same proxy.
func TestTheAppServer(t *testing.T) {
	w := newWorld(t, "ldt-e2e-app")
	w.env()
	program, err := clients.AppServer(t.Context())
	if err != nil {
		t.Skipf("NOT PROVEN: %s: the App Server could not be installed: %v", t.Name(), err)
	}
	open, guarded := freePort(t), freePort(t)
	w.up("--ws-upstream", "ws://localhost:"+open+"/ws")
	agent := w.agent(t)
	w.appServer(t, program, open)
	stop := w.appServer(t, program, guarded, "--ws-auth", "capability-token", "--ws-token-sha256", fmt.Sprintf("%x", sha256.Sum256([]byte("s3cret"))))

	pinged := w.pings(t)
	t.Run("it refuses pages", func(t *testing.T) { w.refusesPages(t, open) })
	t.Run("a page through the proxy", func(t *testing.T) {
		for _, address := range []string{"wss://letta.localhost:8282/", "wss://letta.localhost:8282/ws", "wss://letta.localhost/any", "ws://localhost:8283/ws"} {
			w.hearsOf(t, address, "https://letta.localhost")
		}
		if _, res, err := w.dial(t, "wss://letta.localhost:8282/", "https://evil.example"); err == nil || res == nil || res.StatusCode != http.StatusForbidden {
			t.Errorf("a foreign page: %v, %v", res, err)
		}
	})
	t.Run("a turn", func(t *testing.T) { w.turn(t, agent) })
	t.Run("its page of readiness", func(t *testing.T) {
		contains(t, "readyz", w.curl("--header", "Origin: https://letta.localhost", "https://letta.localhost:8282/readyz"), "ok")
	})
	t.Run("its pings", func(t *testing.T) {
		select {
		case <-pinged:
		case <-time.After(time.Minute): // they come every 30 s
			t.Error("no ping came through")
		}
	})
	t.Run("with a token", func(t *testing.T) {
		w.up("--ws-upstream", "ws://localhost:"+guarded+"/ws?token=s3cret")
		w.hearsOf(t, "wss://letta.localhost:8282/", "https://letta.localhost")
		if text := w.run("logs", "--json", "--tail", "all").stdout; strings.Contains(text, "s3cret") {
			t.Error("the log shows the token")
		}
		stop()
		if _, res, err := w.dial(t, "wss://letta.localhost:8282/", ""); err == nil || res == nil || res.StatusCode != http.StatusBadGateway {
			t.Errorf("without an App Server: %v, %v", res, err)
		}
	})
}

// appServer runs one until the test ends, or stop is called. It ends by itself when its parent does.
func (w *world) appServer(t *testing.T, program []string, port string, args ...string) (stop func()) {
	t.Helper()
	args = slices.Concat(program[1:], []string{"server", "--listen", "ws://127.0.0.1:" + port}, args)
	cmd := exec.Command(program[0], args...)
	cmd.Dir = w.dir
	cmd.Env = []string{"HOME=" + t.TempDir(), "PATH=" + os.Getenv("PATH"), "LETTA_CODE_TELEM=0", "LETTA_API_KEY=any", "LETTA_BASE_URL=http://localhost:8283"}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = cmd.Stdout
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	stop = func() { _ = cmd.Process.Signal(syscall.SIGTERM); _ = cmd.Wait() }
	t.Cleanup(stop)
	said := ""
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if said += lines.Text() + "\n"; strings.Contains(lines.Text(), "WebSocket: ") {
			return stop
		}
	}
	t.Fatalf("the App Server ended: %s", said)
	return nil
}

func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	return port
}

func (w *world) dial(t *testing.T, address, origin string) (*websocket.Conn, *http.Response, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	options := &websocket.DialOptions{HTTPClient: w.client(t)}
	if origin != "" {
		options.HTTPHeader = http.Header{"Origin": {origin}}
	}
	conn, res, err := websocket.Dial(ctx, address, options)
	if err == nil {
		conn.SetReadLimit(1 << 20)
		t.Cleanup(func() { conn.CloseNow() })
	}
	return conn, res, err
}

// pings tells when a ping of the App Server has come to a client that only listens.
func (w *world) pings(t *testing.T) <-chan struct{} {
	t.Helper()
	pinged := make(chan struct{})
	once := sync.OnceFunc(func() { close(pinged) })
	conn, _, err := websocket.Dial(t.Context(), "wss://letta.localhost:8282/", &websocket.DialOptions{
		HTTPClient: w.client(t), OnPingReceived: func(context.Context, []byte) bool { once(); return true },
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.CloseNow() })
	conn.CloseRead(t.Context())
	return pinged
}

// refusesPages is why the proxy takes Origin away.
func (w *world) refusesPages(t *testing.T, port string) {
	if _, res, err := w.dial(t, "ws://127.0.0.1:"+port+"/ws", "http://127.0.0.1:"+port); err == nil || res == nil || res.StatusCode != http.StatusForbidden {
		t.Errorf("its own origin: %v, %v", res, err)
	}
	if _, res, err := w.dial(t, "ws://127.0.0.1:"+port+"/other", ""); err == nil || res == nil || res.StatusCode != http.StatusNotFound {
		t.Errorf("another path: %v, %v", res, err)
	}
}

// say sends a command and returns the first frame that is wanted.
func say(t *testing.T, conn *websocket.Conn, command map[string]any, want func(frame map[string]any) bool) map[string]any {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	b, err := json.Marshal(command)
	if err != nil {
		t.Fatal(err)
	}
	if err := conn.Write(ctx, websocket.MessageText, b); err != nil {
		t.Fatal(err)
	}
	for {
		_, b, err := conn.Read(ctx)
		if err != nil {
			t.Fatalf("%v: %v", command["type"], err)
		}
		var frame map[string]any
		if err := json.Unmarshal(b, &frame); err != nil {
			t.Fatalf("%v in %s", err, b)
		}
		if want(frame) {
			return frame
		}
	}
}

func answers(id string) func(map[string]any) bool {
	return func(frame map[string]any) bool { return frame["request_id"] == id }
}

// hearsOf asks the App Server who it is.
func (w *world) hearsOf(t *testing.T, address, origin string) {
	t.Helper()
	conn, _, err := w.dial(t, address, origin)
	if err != nil {
		t.Errorf("%s: %v", address, err)
		return
	}
	info := say(t, conn, map[string]any{"type": "app_server_info", "request_id": "r1"}, answers("r1"))
	if info["type"] != "app_server_info_response" || info["backend"] != "api" {
		t.Errorf("%s: %v", address, info)
	}
	if err := conn.Close(websocket.StatusNormalClosure, "done"); err != nil {
		t.Errorf("%s: closing: %v", address, err)
	}
}

// agent makes one on the server.
func (w *world) agent(t *testing.T) string {
	t.Helper()
	var made struct{ ID string }
	body := `{"name":"app","agent_type":"letta_v1_agent","model":"openai-proxy/` + model.Name + `","include_base_tools":false}`
	out := w.curl("--header", "Content-Type: application/json", "--data", body, "https://localhost:8283/v1/agents/")
	if err := json.Unmarshal([]byte(out), &made); err != nil || made.ID == "" {
		t.Fatalf("%v in %s", err, out)
	}
	return made.ID
}

// turn is a conversation: page, proxy, App Server, proxy, Letta, model, and back in pieces.
func (w *world) turn(t *testing.T, agent string) {
	conn, _, err := w.dial(t, "wss://letta.localhost:8282/", "https://letta.localhost")
	if err != nil {
		t.Fatal(err)
	}
	started := say(t, conn, map[string]any{
		"type": "runtime_start", "request_id": "r2", "agent_id": agent, "create_conversation": map[string]any{"body": map[string]any{}}, "mode": "unrestricted",
	}, answers("r2"))
	var text strings.Builder
	say(t, conn, map[string]any{"type": "input", "request_id": "r3", "runtime": started["runtime"], "payload": map[string]any{
		"kind":     "create_message",
		"messages": []any{map[string]any{"role": "user", "content": []any{map[string]any{"type": "text", "text": "hello"}}}},
	}}, func(frame map[string]any) bool {
		if delta, ok := frame["delta"].(map[string]any); ok && delta["message_type"] == "assistant_message" {
			fmt.Fprint(&text, delta["content"])
		}
		return frame["type"] == "turn_finished"
	})
	if text.String() != model.Text() {
		t.Errorf("the agent said %q", &text)
	}
}
