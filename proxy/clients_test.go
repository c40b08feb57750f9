package proxy

import (
	"bytes"
	"crypto/rand"
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"net/http/cgi"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
)

// page uses what pages use: fetch, an upload, events, and a WebSocket. What it found is posted to /found.
const page = `<!doctype html><title>page</title><script>
(async () => {
  const found = {};
  const body = new Uint8Array(3 << 20).fill(120);
  found.upload = await (await fetch('/upload', {method: 'POST', body})).text();
  const stream = new ReadableStream({async pull(c) { for (const s of ['one ', 'two ', 'three']) c.enqueue(new TextEncoder().encode(s)); c.close(); }});
  found.streamed = await (await fetch('/upload', {method: 'POST', body: stream, duplex: 'half'})).text().catch(e => String(e));
  found.events = await new Promise(done => {
    const got = [], source = new EventSource('/events');
    source.onmessage = async e => {
      got.push(e.data);
      if (got.length === 3) { source.close(); done(got.join(' ')); } else await fetch('/next', {method: 'POST'});
    };
  });
  found.socket = await new Promise(done => {
    const socket = new WebSocket('wss://' + location.host + '/socket');
    const got = [];
    socket.onopen = () => socket.send('x'.repeat(100000));
    socket.onmessage = e => { got.push(e.data.length); socket.close(4001, 'enough'); };
    socket.onclose = e => done(got + ' ' + e.code + ' ' + e.reason);
    socket.onerror = () => done('failed');
  });
  return found;
})().then(f => JSON.stringify(f), e => String(e)).then(body => fetch('/found', {method: 'POST', body}));
</script>`

// site is the server behind the page: an event comes only after the page has shown the one before, so that a proxy which keeps one back
// is noticed without a clock.
func site(found chan<- string) http.Handler {
	mux, next := http.NewServeMux(), make(chan bool)
	mux.HandleFunc("GET /page", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		_, _ = io.WriteString(w, page)
	})
	mux.HandleFunc("POST /upload", func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if len(body) > 100 {
			body = fmt.Appendf(nil, "%d bytes, %d x", len(body), bytes.Count(body, []byte("x")))
		}
		fmt.Fprintf(w, "%s %v", body, err)
	})
	mux.HandleFunc("GET /events", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		for i := range 3 {
			if i > 0 {
				select {
				case <-next:
				case <-r.Context().Done():
					return
				}
			}
			fmt.Fprintf(w, "data: event%d\n\n", i)
			_ = http.NewResponseController(w).Flush()
		}
	})
	mux.HandleFunc("POST /next", func(_ http.ResponseWriter, r *http.Request) {
		select {
		case next <- true:
		case <-r.Context().Done():
		}
	})
	mux.HandleFunc("GET /socket", func(w http.ResponseWriter, r *http.Request) {
		c, err := websocket.Accept(w, r, nil)
		if err != nil {
			return
		}
		defer c.CloseNow()
		c.SetReadLimit(1 << 20)
		for {
			kind, message, err := c.Read(r.Context())
			if err != nil || c.Write(r.Context(), kind, message) != nil {
				return
			}
		}
	})
	mux.HandleFunc("POST /found", func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		found <- string(body)
	})
	return mux
}

// A page in a real browser finds nothing missing behind the proxy.
func TestPageInABrowser(t *testing.T) {
	chromium := needsBrowser(t)
	if !inStillNetwork(t) {
		return
	}
	found := make(chan string, 1)
	g := start(t, site(found), nil)
	defer openBrowser(t, chromium, "https://"+g.addr+"/page")()
	select {
	case got := <-found:
		const want = `{"upload":"3145728 bytes, 3145728 x <nil>","streamed":"one two three <nil>","events":"event0 event1 event2","socket":"100000 4001 enough"}`
		if got != want {
			t.Errorf("the page found %s\nwant %s", got, want)
		}
	case <-time.After(2 * patience):
		t.Fatal("the page said nothing")
	}
}

// openBrowser has Chromium show a page until the function it returns is called.
func openBrowser(t *testing.T, chromium, url string, flags ...string) (end func()) {
	t.Helper()
	argv := append([]string{"--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--user-data-dir=" + t.TempDir(),
		"--remote-debugging-port=0", "--ignore-certificate-errors"}, flags...)
	browser := exec.CommandContext(t.Context(), chromium, append(argv, url)...)
	if err := browser.Start(); err != nil {
		t.Fatal(err)
	}
	return func() {
		_ = browser.Process.Signal(os.Interrupt)
		_ = browser.Wait() // with its children, which write into its profile
	}
}

// git pushes and clones through the proxy, in packs too large for one request's head, and in chunks: the shapes of /v1/git/.
func TestGitThroughTheProxy(t *testing.T) {
	git, err := exec.LookPath("git")
	if err != nil {
		t.Skip("NOT PROVEN: git is not installed")
	}
	dir := t.TempDir()
	backend := &cgi.Handler{
		Path: git, Args: []string{"http-backend"}, Root: "/v1/git", Stderr: io.Discard,
		Env: []string{"GIT_PROJECT_ROOT=" + dir, "GIT_HTTP_EXPORT_ALL=1", "REMOTE_USER=letta"},
	}
	g := start(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body) // CGI has no chunks
		if err != nil {
			return
		}
		r.Body, r.ContentLength, r.TransferEncoding = io.NopCloser(bytes.NewReader(body)), int64(len(body)), nil
		backend.ServeHTTP(w, r)
	}), nil)
	ca := filepath.Join(dir, "ca.pem")
	leaf, err := g.proxy.config.Certificate(nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: leaf.Certificate[0]}), 0o600); err != nil {
		t.Fatal(err)
	}
	run := func(argv ...string) string {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), git, argv...)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "HOME="+dir, "GIT_SSL_CAINFO="+ca, "GIT_TERMINAL_PROMPT=0", "GIT_CONFIG_NOSYSTEM=1", "no_proxy=*")
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("git %s: %v\n%s", strings.Join(argv, " "), err, out)
		}
		return string(out)
	}
	run("init", "-q", "--bare", "agent.git")
	run("init", "-q", "work")
	content := make([]byte, 3<<20) // more than http.postBuffer: it is sent in chunks
	rand.Read(content)
	if err := os.WriteFile(filepath.Join(dir, "work", "memory"), content, 0o600); err != nil {
		t.Fatal(err)
	}
	run("-C", "work", "add", "memory")
	run("-C", "work", "-c", "user.name=a", "-c", "user.email=a@localhost", "commit", "-q", "-m", "memory")
	for _, version := range []string{"HTTP/1.1", "HTTP/2"} {
		url, branch := "https://"+g.addr+"/v1/git/agent.git", strings.ReplaceAll(version, "/", "-")
		run("-C", "work", "-c", "http.version="+version, "push", "-q", url, "HEAD:refs/heads/"+branch)
		run("-c", "http.version="+version, "clone", "-q", "-b", branch, url, "clone-"+branch)
		if got, err := os.ReadFile(filepath.Join(dir, "clone-"+branch, "memory")); err != nil || !bytes.Equal(got, content) {
			t.Errorf("%s: %d bytes came back, %v", version, len(got), err)
		}
		chunks := false
		for _, a := range gather(g) {
			chunks = chunks || a.Method == "POST" && a.BytesIn > 1<<20
			if a.Status >= 400 || !strings.HasPrefix(a.Protocol, version) {
				t.Errorf("%+v", a)
			}
		}
		if !chunks && version == "HTTP/1.1" {
			t.Error("no large pack was sent")
		}
	}
}
