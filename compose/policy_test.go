package compose

import (
	"errors"
	"path/filepath"
	"reflect"
	"testing"

	"github.com/letta-dev/letta-dev/proxy/policy"
)

func TestPolicy(t *testing.T) {
	p := loaded(t, server()+`
x-letta-dev:
  routes:
    - {path: /letta/}
    - path: /app/
      upstream: http://127.0.0.1:${PORT:-3000}/base/
  headers:
    request: {X-Team: blue, X-Number: 5}
    response: {X-Frame-Options: DENY, Server: "", X-Powered-By: }
  cors: {origins: ["https://my.app", "http://my_app:3000", "http://[::1]:3000"]}
  limits: {body: 10MB, rate: 20/s}
  gzip: true
  cache: 1h
`)
	want := policy.Rules{
		Routes:   []policy.Route{{Path: "/letta/"}, {Path: "/app/", Upstream: "http://127.0.0.1:3000/base/"}},
		Request:  []policy.Header{{Name: "X-Number", Value: "5"}, {Name: "X-Team", Value: "blue"}},
		Response: []policy.Header{{Name: "Server"}, {Name: "X-Frame-Options", Value: "DENY"}, {Name: "X-Powered-By"}},
		CORS:     []string{"https://my.app", "http://my_app:3000", "http://[::1]:3000"},
		MaxBody:  10 << 20, Rate: policy.Rate{Requests: 20, Seconds: 1}, Gzip: true, MaxAge: 3600,
	}
	if !reflect.DeepEqual(p.Settings.Policy, want) {
		t.Errorf("%+v, want %+v", p.Settings.Policy, want)
	}
	if p := loaded(t, server()); !reflect.DeepEqual(p.Settings.Policy, policy.Rules{}) {
		t.Errorf("asked for nothing, got %+v", p.Settings.Policy)
	}
}

// A setting is what is written there, not what YAML makes of it.
func TestSettingsAreAsWritten(t *testing.T) {
	for written, value := range map[string]string{
		"1.10": "1.10", "010": "010", "1e3": "1e3", "TRUE": "TRUE", "0x1F": "0x1F", "12345678901234567890123": "12345678901234567890123", "0o17": "0o17",
		"+1": "+1", ".5": ".5", "-.inf": "-.inf", "2026-11-23": "2026-11-23", "&a 1.10": "1.10", "!!int 007": "007", "'${N}'": "01.0",
	} {
		p := loaded(t, server()+"x-letta-dev: {headers: {response: {X-F: "+written+"}}}", "N=01.0")
		if got := p.Settings.Policy.Response[0].Value; got != value {
			t.Errorf("%s: %q, not %q", written, got, value)
		}
	}
	p := loaded(t, server()+"x-letta-dev: {limits: {body: 010}, listeners: [08080], gzip: TRUE}")
	if s := p.Settings; s.Policy.MaxBody != 10 || s.Listeners[0] != "08080" || !s.Policy.Gzip {
		t.Errorf("%+v", s)
	}
}

// What cannot be, or contradicts itself, is refused at its line.
func TestPolicyRefused(t *testing.T) {
	for _, test := range []struct{ letta, says string }{
		{"\n  routes:\n    - {path: /a/}\n    - {path: /b/}\n    - {path: /a/, upstream: 'http://h'}", `compose.yaml:8: x-letta-dev.routes.2: two routes for the path "/a/"`},
		{"\n  routes:\n    - path: /a", `compose.yaml:6: x-letta-dev.routes.0.path: the path "/a" of a route does not begin and end with /`},
		{"\n  routes:\n    - path: /../", `compose.yaml:6: x-letta-dev.routes.0.path: the path "/../"`},
		{"\n  routes:\n    - path: /a%2Fb/", "has a %"},
		{"\n  routes:\n    - path: '/a?b/'", "a character that a path cannot have"},
		{"\n  routes:\n    - {path: /}", "compose.yaml:6: x-letta-dev.routes.0.path: a route for \"/\" without an upstream changes nothing"},
		{"\n  routes:\n    - {upstream: 'http://h'}", "compose.yaml:6: x-letta-dev.routes.0.path: a route without a path"},
		{"\n  routes:\n    - path: /a/\n      upstream: h:80", `compose.yaml:7: x-letta-dev.routes.0.upstream: "h:80" is not the URL of an upstream`},
		{"\n  routes:\n    - path: /a/\n      upstrem: http://h", `compose.yaml:7: x-letta-dev.routes.0.upstrem is not a setting of letta-dev: did you mean "upstream"?`},
		{"\n  routes: {/a/: http://h}", "x-letta-dev.routes: must be a list"},
		{"\n  headers:\n    request:\n      Host: evil", "compose.yaml:7: x-letta-dev.headers.request.Host: the header field Host cannot be set: by it the proxy decides"},
		{"\n  headers:\n    response:\n      Transfer-Encoding: x", "cannot be set: it belongs to one connection"},
		{"\n  headers:\n    response:\n      'X A': x", `compose.yaml:7: x-letta-dev.headers.response.X A: "X A" is not the name of a header field`},
		{"\n  headers:\n    response:\n      X-A: \"a\\r\\nX-Evil: 1\"", "compose.yaml:7: x-letta-dev.headers.response.X-A: the header value has a control character"},
		{"\n  headers:\n    request:\n      X-A: 1\n      x-a: 2", `x-letta-dev.headers.request.x-a: the header field "x-a" is set twice`},
		{"\n  headers: {answer: {}}", "x-letta-dev.headers.answer is not a setting"},
		{"\n  cors: {origins: ['https://a']}\n  headers:\n    response:\n      Access-Control-Allow-Origin: '*'", "compose.yaml:8: x-letta-dev.headers.response.Access-Control-Allow-Origin: "},
		{"\n  limits:\n    body: much", `compose.yaml:6: x-letta-dev.limits.body: "much" is not a size: write 64kb`},
		{"\n  limits:\n    rate: 20", `compose.yaml:6: x-letta-dev.limits.rate: "20" is not a rate of requests: write 20/s`},
		{"\n  gzip: maybe", `compose.yaml:5: x-letta-dev.gzip: "maybe" is neither true nor false`},
		{"\n  cache: forever", `compose.yaml:5: x-letta-dev.cache: "forever" is not a time to keep files for: write 10m`},
	} {
		err, hint := refused(t, server()+"x-letta-dev:"+test.letta+"\n")
		mustSay(t, err.Error(), test.says)
		mustSay(t, hint, "compose.yaml:")
	}
}

// A contradiction between two files is one as well.
func TestPolicyOfTwoFiles(t *testing.T) {
	dir := folder(t, map[string]string{
		"compose.yaml":          server() + "x-letta-dev:\n  routes: [{path: /a/}]\n  headers: {response: {X-A: 1}}\n",
		"compose.override.yaml": "x-letta-dev:\n  routes: [{path: /b/}]\n  headers: {response: {X-A: 2}}\n",
		"twice.yaml":            "x-letta-dev:\n  routes: [{path: /a/, upstream: 'http://h'}]\n",
	})
	p, err := Load(t.Context(), Options{Dir: dir})
	if err != nil || len(p.Settings.Policy.Routes) != 2 || p.Settings.Policy.Response[0].Value != "2" {
		t.Errorf("%+v, %v", p, err)
	}
	_, err = Load(t.Context(), Options{Dir: dir, Files: []string{"compose.yaml", "twice.yaml"}})
	var file *FileError
	if !errors.As(err, &file) || filepath.Base(file.File) != "twice.yaml" || file.Line != 2 {
		t.Errorf("%v", err)
	}
}

func TestBlame(t *testing.T) {
	p := loaded(t, server()+"x-letta-dev:\n  hosts:\n    - a.localhost\n    - dev.example.test\n  headers: {response: {Vary: a}}\n")
	cause := errors.New("no")
	err := p.Blame("hosts=dev.example.test", cause, "do")
	if !errors.Is(err, cause) || hintOf(t, err) != "do" {
		t.Errorf("%v", err)
	}
	mustSay(t, err.Error(), "compose.yaml:7: x-letta-dev.hosts: no")
	err = p.Blame("headers.response.Vary", cause, "")
	mustSay(t, err.Error(), "compose.yaml:8: x-letta-dev.headers.response.Vary: no")
	mustSay(t, hintOf(t, err), "correct compose.yaml:8")
	for _, other := range []string{"hosts=other.localhost", "headers.response.Server"} {
		if err := p.Blame(other, cause, ""); err != nil {
			t.Errorf("%v", err)
		}
	}
}
