package docker

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/letta-dev/letta-dev/orchestrator"
)

// engineThat answers its ping as an engine does, and all else as it is told.
func engineThat(rest http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasSuffix(r.URL.Path, "/_ping") {
			rest(w, r)
			return
		}
		w.Header().Set("Api-Version", "1.41")
		w.Header().Set("Ostype", "linux")
	}
}

func says(status int, kind, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", kind)
		w.WriteHeader(status)
		fmt.Fprint(w, body)
	}
}

func closes(w http.ResponseWriter, _ *http.Request) {
	if conn, _, err := http.NewResponseController(w).Hijack(); err == nil {
		conn.Close()
	}
}

// Whatever answers in an engine's place is told in plain words, in one line, with a command against it: no HTML, nothing of a JSON
// decoder, and no name of a Go type.
func TestImpostors(t *testing.T) {
	const page = "<!DOCTYPE html><html><head><title>Sign in</title></head><body>\n<p>Sign in to go on</p></body></html>"
	const html, asJSON = "text/html", "application/json"
	const other, proxy, drop, tls = notAnEngine, "a web page, as a proxy does", "without an answer", "it wants TLS"
	for name, c := range map[string]struct {
		handler http.HandlerFunc
		want    string
		advice  string
	}{
		"empty JSON":            {says(200, asJSON, `{}`), other, "unset DOCKER_HOST"},
		"a page":                {says(200, html, page), other, "unset DOCKER_HOST"},
		"a proxy's login":       {says(407, html, page), proxy, "unset DOCKER_HOST"},
		"a gateway":             {says(502, html, page), proxy, "unset DOCKER_HOST"},
		"a silent gateway":      {says(502, html, ""), other, "unset DOCKER_HOST"},
		"another API":           {says(404, asJSON, `{"detail":"Not Found"}`), other, "unset DOCKER_HOST"},
		"closes":                {closes, drop, ""},
		"pings, then {}":        {engineThat(says(200, asJSON, `{}`)), other, "unset DOCKER_HOST"},
		"pings, then null":      {engineThat(says(200, asJSON, `null`)), other, "unset DOCKER_HOST"},
		"pings, then a list":    {engineThat(says(200, asJSON, `[]`)), other, "unset DOCKER_HOST"},
		"pings, then a page":    {engineThat(says(200, html, page)), other, "unset DOCKER_HOST"},
		"pings, then a proxy":   {engineThat(says(407, html, page)), proxy, "unset DOCKER_HOST"},
		"pings, then a gateway": {engineThat(says(502, html, page)), proxy, "unset DOCKER_HOST"},
		"pings, then nothing":   {engineThat(says(200, asJSON, ``)), drop, ""},
		"pings, then half":      {engineThat(says(200, asJSON, `{"Version":"28.`)), "ends in the middle", ""},
		"pings, then closes":    {engineThat(closes), drop, ""},
		"wants TLS":             {says(400, "text/plain", "Client sent an HTTP request to an HTTPS server.\n"), tls, "export DOCKER_TLS_VERIFY=1 DOCKER_CERT_PATH=~/.docker"},
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(c.handler)
			defer server.Close()
			_, err := Find(t.Context(), withEnv(t, map[string]string{"DOCKER_HOST": "tcp://" + server.Listener.Addr().String()}))
			u := unreachable(t, err)
			if said := u.Tried[0].Err.Error(); !strings.Contains(said, c.want) || strings.ContainsAny(said, "<\n") || strings.Contains(said, "invalid character") {
				t.Errorf("it says %q, want %q", said, c.want)
			}
			if c.advice != "" && u.Hint() != c.advice {
				t.Errorf("it advises %q, want %q", u.Hint(), c.advice)
			}
		})
	}
}

// A web server that speaks no TLS, where the environment asks for it.
func TestTLSToAPlainPort(t *testing.T) {
	server := httptest.NewServer(says(200, "application/json", `{}`))
	defer server.Close()
	files := newTLSFiles(t)
	_, err := Find(t.Context(), withEnv(t, map[string]string{
		"DOCKER_HOST": "tcp://" + server.Listener.Addr().String(), "DOCKER_CERT_PATH": filepath.Dir(files.ca), "DOCKER_TLS_VERIFY": "1",
	}))
	u := unreachable(t, err)
	if said := u.Tried[0].Err.Error(); !strings.Contains(said, "it speaks no TLS") || u.Hint() != "unset DOCKER_TLS_VERIFY DOCKER_TLS" {
		t.Errorf("%s (%s)", said, u.Hint())
	}
}

// What took the connection and says nothing is given up in the time it has.
func TestAnEngineThatSaysNothing(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	o := withEnv(t, map[string]string{"DOCKER_HOST": "tcp://" + l.Addr().String()})
	o.Timeout = 50 * time.Millisecond
	_, err = Find(t.Context(), o)
	if said := unreachable(t, err).Tried[0].Err.Error(); said != "no answer within 50ms" {
		t.Errorf("it says %q", said)
	}
}

// An engine whose answers are no longer its own, as when a proxy comes between, is told so in the middle of the work too.
func TestAnImpostorInTheMiddle(t *testing.T) {
	var now atomic.Bool
	server := httptest.NewServer(engineThat(func(w http.ResponseWriter, r *http.Request) {
		body := `{"Version":"1"}`
		if now.Load() {
			body = "<html>Sign in</html>"
		}
		says(200, "application/json", body)(w, r)
	}))
	defer server.Close()
	e, err := Find(t.Context(), withEnv(t, map[string]string{"DOCKER_HOST": "tcp://" + server.Listener.Addr().String()}))
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	now.Store(true)
	_, err = e.Observe(t.Context(), orchestrator.Query{})
	if err == nil || !strings.HasPrefix(err.Error(), "listing containers: "+notAnEngine) {
		t.Errorf("got %v", err)
	}
}
