package demo_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/letta-dev/letta-dev/orchestrator/demo"
)

// server is a stand-in and a client of it that follows no redirects.
type server struct {
	t *testing.T
	*httptest.Server
}

func start(t *testing.T, opts demo.Options) server {
	t.Helper()
	s := httptest.NewServer(demo.Handler(opts))
	t.Cleanup(s.Close)
	s.Client().CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return server{t, s}
}

// do sends a request with the given header fields, each as "Name: value".
func (s server) do(method, path, body string, fields ...string) *http.Response {
	s.t.Helper()
	req, err := http.NewRequest(method, s.URL+path, strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	for _, f := range fields {
		name, value, _ := strings.Cut(f, ": ")
		if name == "Host" {
			req.Host = value
		} else {
			req.Header.Set(name, value)
		}
	}
	resp, err := s.Client().Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { resp.Body.Close() })
	if got := resp.Header.Get(demo.Header); got != demo.HeaderValue {
		s.t.Errorf("%s %s: %s is %q", method, path, demo.Header, got)
	}
	return resp
}

// get returns the status and the body of an answer.
func (s server) get(method, path, body string, fields ...string) (int, string) {
	s.t.Helper()
	resp := s.do(method, path, body, fields...)
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return resp.StatusCode, strings.TrimSpace(string(data))
}

// create makes an agent and returns its id.
func (s server) create(name string) string {
	s.t.Helper()
	status, body := s.get("POST", "/v1/agents/", fmt.Sprintf(`{"name":%q,"model":"letta-dev/demo"}`, name))
	var a struct{ ID string }
	unmarshal(s.t, []byte(body), &a)
	if status != http.StatusOK || a.ID == "" {
		s.t.Fatalf("create: %d %s", status, body)
	}
	return a.ID
}

func TestAnswersHaveTheShapesOfLetta(t *testing.T) {
	s := start(t, demo.Options{})
	const missing = "/v1/agents/agent-123e4567-e89b-42d3-a456-426614174000"
	for _, c := range []struct {
		method, path, body string
		status             int
		want               string // a regular expression
	}{
		{"GET", "/v1/health/", "", 200, `^{"status":"ok","version":"demo"}$`},
		{"GET", "/v1/ready/", "", 200, `^{"status":"ok","version":"demo"}$`},
		{"GET", "/v1/models/", "", 200, `^\[{"handle":"letta-dev/demo","name":"demo",.*"max_context_window":8192,`},
		{"GET", "/v1/agents/", "", 200, `^\[{"id":"agent-[0-9a-f-]{36}","name":"demo",`},
		{"POST", "/v1/agents/", `{}`, 400, `"detail":"INVALID_ARGUMENT: Must specify either model or llm_config`},
		{"POST", "/v1/agents/", `{"model":`, 422, `"detail":".*not the JSON`},
		{"POST", "/v1/agents/", `{"model":7}`, 422, `"detail":".*model`},
		{"POST", "/v1/agents/", `{"model":"` + strings.Repeat("x", 2<<20) + `"}`, 422, `too large`},
		{"GET", missing, "", 404, `^{"detail":"Agent with ID agent-123e4567-e89b-42d3-a456-426614174000 not found"}$`},
		{"DELETE", missing, "", 404, `^{"detail":"Agent with ID agent-123e4567-e89b-42d3-a456-426614174000 not found"}$`},
		{"GET", missing + "/messages", "", 404, `^{"detail":"Agent with ID agent-123e4567-e89b-42d3-a456-426614174000 not found"}$`},
		{"POST", missing + "/messages", `{"input":"hi"}`, 404, `^{"detail":"Agent with ID agent-123e4567-e89b-42d3-a456-426614174000 not found"}$`},
		{"GET", "/v1/tools/", "", 404, `^{"detail":"Not Found"}$`},
		{"PATCH", missing, "{}", 404, `^{"detail":"Not Found"}$`},
		{"GET", "/docs", "", 200, `not the Letta server(?s:.)*curl -N http://127\.0\.0\.1:\d+/v1/agents/agent-`},
		{"GET", "/openapi.json", "", 200, `"title": "letta-dev demo"`},
	} {
		status, body := s.get(c.method, c.path, c.body)
		if status != c.status || !regexp.MustCompile(c.want).MatchString(body) {
			t.Errorf("%s %s: %d %.300s\nwant %d %s", c.method, c.path, status, body, c.status, c.want)
		}
	}
}

func TestRedirectsAreAbsolute(t *testing.T) {
	s := start(t, demo.Options{})
	for _, c := range []struct{ path, proto, want string }{
		{"/v1/health", "", "http://letta.localhost:8283/v1/health/"},
		{"/v1/agents?limit=1", "", "http://letta.localhost:8283/v1/agents/?limit=1"},
		{"/v1/agents", "https", "https://letta.localhost:8283/v1/agents/"},
		{"/v1/models", "gopher", "http://letta.localhost:8283/v1/models/"},
		{"/", "", "/docs"},
	} {
		resp := s.do("GET", c.path, "", "Host: letta.localhost:8283", "X-Forwarded-Proto: "+c.proto)
		if got := resp.Header.Get("Location"); resp.StatusCode != 307 || got != c.want {
			t.Errorf("%s: %d to %q, want 307 to %q", c.path, resp.StatusCode, got, c.want)
		}
	}
	if resp := s.do("POST", "/v1/agents", "{}"); resp.StatusCode != 307 {
		t.Errorf("POST without slash: %d", resp.StatusCode)
	}
}

func TestUpgradeIsRefusedAsByUvicorn(t *testing.T) {
	s := start(t, demo.Options{})
	if status, _ := s.get("GET", "/v1/ws", "", "Upgrade: websocket", "Connection: Upgrade"); status != http.StatusForbidden {
		t.Errorf("got %d", status)
	}
	// What "curl --http2" sends with a plain request.
	if status, _ := s.get("GET", "/v1/health/", "", "Upgrade: h2c", "Connection: Upgrade"); status != http.StatusOK {
		t.Errorf("an upgrade to be ignored: %d", status)
	}
}

func TestAgentsComeAndGo(t *testing.T) {
	s := start(t, demo.Options{})
	id := s.create("x")
	if !regexp.MustCompile(`^agent-[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`).MatchString(id) {
		t.Errorf("id %q is not what Letta calls an id", id)
	}
	if status, body := s.get("GET", "/v1/agents/"+id, ""); status != 200 || !strings.Contains(body, `"name":"x"`) {
		t.Errorf("%d %s", status, body)
	}
	if got := s.ids("/v1/agents/?name=x"); !slices.Equal(got, []string{id}) {
		t.Errorf("by name: %v", got)
	}
	if status, body := s.get("DELETE", "/v1/agents/"+id, ""); status != 200 || !strings.Contains(body, id+" successfully deleted") {
		t.Errorf("%d %s", status, body)
	}
	if status, _ := s.get("GET", "/v1/agents/"+id, ""); status != 404 {
		t.Errorf("deleted agent: %d", status)
	}
}

// ids returns the ids in a list.
func (s server) ids(path string) []string {
	s.t.Helper()
	_, body := s.get("GET", path, "")
	var list []struct{ ID string }
	unmarshal(s.t, []byte(body), &list)
	if list == nil {
		s.t.Errorf("%s: %s is not a list", path, body)
	}
	var ids []string
	for _, item := range list {
		ids = append(ids, item.ID)
	}
	return ids
}

// Both official clients turn a page until one is empty: a list that ignored
// "after" would keep them busy for ever.
func TestPages(t *testing.T) {
	s := start(t, demo.Options{})
	first := s.ids("/v1/agents/")[0]
	a, b, c := s.create("a"), s.create("b"), s.create("c")
	for path, want := range map[string][]string{
		"":                             {c, b, a, first},
		"?order=asc":                   {first, a, b, c},
		"?limit=2":                     {c, b},
		"?limit=2&after=" + b:          {a, first},
		"?limit=2&after=" + first:      nil,
		"?limit=1&before=" + a:         {b},
		"?order=asc&before=" + b:       {first, a},
		"?after=agent-unknown":         nil,
		"?before=agent-unknown":        nil,
		"?limit=0":                     nil,
		"?limit=-3":                    {c, b, a, first},
		"?after=" + c + "&before=" + a: {b},
		"?after=" + a + "&before=" + c: nil,
	} {
		if got := s.ids("/v1/agents/" + path); !slices.Equal(got, want) {
			t.Errorf("%q: %v, want %v", path, got, want)
		}
	}
}

func TestMemoryIsBounded(t *testing.T) {
	s := start(t, demo.Options{})
	for range 99 {
		s.create(strings.Repeat("n", 10_000))
	}
	if status, body := s.get("POST", "/v1/agents/", `{"model":"m"}`); status != 409 || !strings.Contains(body, "delete one first") {
		t.Errorf("agent 101: %d %s", status, body)
	}
	id := s.ids("/v1/agents/?limit=1")[0]
	for range 60 {
		s.get("POST", "/v1/agents/"+id+"/messages", `{"input":"`+strings.Repeat("t", 10_000)+`"}`)
	}
	if got := len(s.ids("/v1/agents/" + id + "/messages?limit=1000")); got != 50 {
		t.Errorf("%d messages are kept", got)
	}
	_, agents := s.get("GET", "/v1/agents/?limit=1000", "")
	_, messages := s.get("GET", "/v1/agents/"+id+"/messages", "")
	if len(agents) > 100*6000 || len(messages) > 50*6000 {
		t.Errorf("%d bytes of agents, %d of messages", len(agents), len(messages))
	}
}

func TestManyClientsAtOnce(t *testing.T) {
	s := start(t, demo.Options{})
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			id := s.create(fmt.Sprint("agent ", i))
			for range 5 {
				s.get("POST", "/v1/agents/"+id+"/messages", `{"input":"hi"}`)
				s.get("GET", "/v1/agents/"+id+"/messages", "")
			}
			s.get("DELETE", "/v1/agents/"+id, "")
		})
	}
	all.Wait()
	if got := len(s.ids("/v1/agents/")); got != 1 {
		t.Errorf("%d agents are left", got)
	}
}

func TestDocsDoNotTrustTheHost(t *testing.T) {
	s := start(t, demo.Options{})
	page := httptest.NewRecorder()
	req := httptest.NewRequest("GET", "/docs", nil)
	req.Host = `"><script>alert(1)</script>`
	s.Config.Handler.ServeHTTP(page, req)
	if bytes.Contains(page.Body.Bytes(), []byte("<script>")) {
		t.Errorf("the page contains the Host as it came")
	}
}
