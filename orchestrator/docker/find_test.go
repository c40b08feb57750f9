package docker

import (
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/moby/moby/api/types/system"

	"github.com/letta-dev/letta-dev/orchestrator"
)

// withEnv are options with that environment and an empty home.
func withEnv(t *testing.T, env map[string]string) Options {
	t.Helper()
	return Options{
		LookupEnv: func(k string) (string, bool) { v, ok := env[k]; return v, ok },
		Home:      t.TempDir(), GOOS: "linux", Version: "test", Timeout: 10 * time.Second,
	}
}

// unreachable is the error as Find gives it when no engine answers.
func unreachable(t *testing.T, err error) *orchestrator.UnreachableError {
	t.Helper()
	var u *orchestrator.UnreachableError
	if !errors.As(err, &u) {
		t.Fatalf("want an UnreachableError, got %v", err)
	}
	if len(u.Tried) == 0 || u.Hint() == "" {
		t.Fatalf("it says neither what was tried nor what to do: %+v", u)
	}
	return u
}

// pinging is a server that says to be an engine with that API, and has nothing else.
func pinging(t *testing.T, api string) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if api != "" {
			w.Header().Set("Api-Version", api)
			w.Header().Set("Ostype", "linux")
		}
		if !strings.HasSuffix(r.URL.Path, "/_ping") {
			w.Header().Set("Content-Type", "application/json")
			_, _ = w.Write([]byte(`{"Version":"99.1","Components":[{"Name":"Engine"}]}`))
		}
	}))
	t.Cleanup(server.Close)
	return "tcp://" + server.Listener.Addr().String()
}

func TestKnownSockets(t *testing.T) {
	o := withEnv(t, map[string]string{"XDG_RUNTIME_DIR": "/run/user/7"})
	o.Home = "/home/me"
	want := []string{
		"unix:///var/run/docker.sock", "unix:///run/user/7/docker.sock", "unix:///home/me/.docker/run/docker.sock",
		"unix:///home/me/.docker/desktop/docker.sock", "unix:///home/me/.colima/default/docker.sock",
		"unix:///home/me/.orbstack/run/docker.sock", "unix:///run/podman/podman.sock", "unix:///run/user/7/podman/podman.sock",
	}
	if got := knownSockets(o); !slices.Equal(got, want) {
		t.Errorf("on Linux: %v", got)
	}
	bare := Options{LookupEnv: func(string) (string, bool) { return "", false }, GOOS: "linux"}
	if got := knownSockets(bare); !slices.Equal(got, []string{"unix:///var/run/docker.sock", "unix:///run/podman/podman.sock"}) {
		t.Errorf("without home: %v", got)
	}
	o.GOOS = "windows"
	for _, s := range knownSockets(o) {
		if !strings.HasPrefix(s, "npipe:////./pipe/") {
			t.Errorf("on Windows: %s", s)
		}
	}
}

// The first place that somebody named decides: flags, then the environment, then the docker CLI.
func TestOrderOfChoice(t *testing.T) {
	env := map[string]string{"DOCKER_HOST": "tcp://127.0.0.1:2", "DOCKER_CONTEXT": "byenv"}
	o := withEnv(t, env)
	for _, name := range []string{"byflag", "byenv", "current"} {
		writeContext(t, o, name, "tcp://"+name+":1")
	}
	writeFile(t, filepath.Join(o.Home, ".docker", "config.json"), `{"currentContext":"current"}`)
	for _, c := range []struct{ what, host, context, want, found string }{
		{"--host", "tcp://flag:1", "", "tcp://flag:1", "--host"},
		{"--context", "", "byflag", "tcp://byflag:1", "context byflag"},
		{"DOCKER_HOST before DOCKER_CONTEXT", "", "", "tcp://127.0.0.1:2", "DOCKER_HOST"},
		{"--context default is DOCKER_HOST", "", "default", "tcp://127.0.0.1:2", "DOCKER_HOST"},
		{"DOCKER_CONTEXT", "", "", "tcp://byenv:1", "context byenv"},
		{"the current context", "", "", "tcp://current:1", "context current"},
		{"--context default is no choice", "", "default", "", ""},
	} {
		switch c.what {
		case "DOCKER_CONTEXT":
			delete(env, "DOCKER_HOST")
		case "the current context":
			delete(env, "DOCKER_CONTEXT")
		}
		o.Host, o.Context = c.host, c.context
		got, err := o.chosen()
		if err != nil {
			t.Errorf("%s: %v", c.what, err)
			continue
		}
		if c.want == "" {
			if len(got) != 0 {
				t.Errorf("%s: %v", c.what, got)
			}
			continue
		}
		if len(got) != 1 || got[0].endpoint.Host != c.want || got[0].found != c.found {
			t.Errorf("%s: %v", c.what, got)
		}
	}
	o.Host, o.Context = "tcp://a:1", "b"
	if _, err := o.chosen(); err == nil || !strings.Contains(err.Error(), "--host and --context") {
		t.Errorf("both flags: %v", err)
	}
}

func TestChoiceThatDoesNotAnswerIsFinal(t *testing.T) {
	answers := pinging(t, "1.41")
	gone := "unix:///nonexistent/gone.sock"
	for _, c := range []struct {
		name string
		set  func(*Options, map[string]string)
	}{
		{"--host", func(o *Options, _ map[string]string) { o.Host = gone }},
		{"DOCKER_HOST", func(_ *Options, env map[string]string) { env["DOCKER_HOST"] = gone }},
		{"context away", func(o *Options, _ map[string]string) { o.Context = "away" }},
	} {
		env := map[string]string{}
		o := withEnv(t, env)
		writeContext(t, o, "away", gone)
		c.set(&o, env)
		_, err := find(t.Context(), o, []string{answers})
		u := unreachable(t, err)
		if len(u.Tried) != 1 || u.Tried[0].Host != gone || u.Tried[0].Found != c.name {
			t.Errorf("%s: tried %+v", c.name, u.Tried)
		}
	}
}

func TestKnownSocketsAreTriedUntilOneAnswers(t *testing.T) {
	missing, silent := "unix:///nonexistent/a.sock", blackHole(t)
	o := withEnv(t, nil)
	o.Timeout = 200 * time.Millisecond
	e, err := find(t.Context(), o, []string{missing, silent, pinging(t, "1.44"), pinging(t, "1.41")})
	if err != nil {
		t.Fatal(err)
	}
	if i := e.Info(); i.API != "1.44" || i.Version != "99.1" || i.Found != "known socket" || i.Name != "docker" || !i.Local || i.Direct {
		t.Errorf("found %+v", i)
	}
	_, err = find(t.Context(), o, []string{missing, missing + ".2", silent, pinging(t, "1.40"), pinging(t, "")})
	u := unreachable(t, err)
	var got []string
	for _, a := range u.Tried {
		got = append(got, a.Err.Error())
	}
	want := []string{"no such file", "no answer within 200ms", "the engine speaks API 1.40; letta-dev needs 1.41", "not a container engine"}
	if len(got) != len(want) {
		t.Fatalf("tried %q", got)
	}
	for i := range want {
		if !strings.Contains(got[i], want[i]) {
			t.Errorf("attempt %d says %q, want %q", i, got[i], want[i])
		}
	}
}

func TestUnknownContext(t *testing.T) {
	for what, set := range map[string]func(*Options, map[string]string){
		"--context":      func(o *Options, _ map[string]string) { o.Context = "nope" },
		"DOCKER_CONTEXT": func(_ *Options, env map[string]string) { env["DOCKER_CONTEXT"] = "nope" },
		"context nope": func(o *Options, _ map[string]string) {
			writeFile(t, filepath.Join(o.Home, ".docker", "config.json"), `{"currentContext":"nope"}`)
		},
	} {
		env := map[string]string{}
		o := withEnv(t, env)
		set(&o, env)
		_, err := Find(t.Context(), o)
		u := unreachable(t, err)
		if u.Hint() != "docker context ls" || u.Tried[0].Found != what || !strings.Contains(err.Error(), `context "nope"`) {
			t.Errorf("%s: %v (%s)", what, err, u.Hint())
		}
	}
}

func TestBrokenConfiguration(t *testing.T) {
	o := withEnv(t, nil)
	file := filepath.Join(o.Home, ".docker", "config.json")
	writeFile(t, file, `{"currentContext":`)
	if _, err := Find(t.Context(), o); err == nil || !strings.Contains(err.Error(), file) {
		t.Errorf("the message does not name the file: %v", err)
	}
	o.Host = pinging(t, "1.41")
	if _, err := Find(t.Context(), o); err != nil {
		t.Errorf("it is not needed when --host is given: %v", err)
	}
}

func TestBadHosts(t *testing.T) {
	for _, host := range []string{"nonsense", "unix://", "tcp://", "ssh://", "ftp://x:1", "tcp://127.0.0.1:notaport", "\x00://", "ssh://me:secret@host"} {
		o := withEnv(t, nil)
		o.Host = host
		_, err := Find(t.Context(), o)
		unreachable(t, err)
	}
}

func TestLocalAndDirect(t *testing.T) {
	for host, want := range map[string]bool{
		"unix:///var/run/docker.sock": true, "npipe:////./pipe/docker_engine": true, "tcp://127.0.0.1:2375": true, "tcp://localhost:2375": true,
		"tcp://[::1]:2376": true, "ssh://me@localhost": false, "tcp://10.0.0.7:2375": false, "ssh://host": false, "::": false,
	} {
		if isLocal(host) != want {
			t.Errorf("%s: local is %t", host, !want)
		}
	}
	plain := system.Info{OSType: "linux", OperatingSystem: "Debian GNU/Linux 12", Name: "here"}
	desktop, rootless, vm := plain, plain, plain
	desktop.OperatingSystem = "Docker Desktop"
	rootless.SecurityOptions = []string{"name=seccomp,profile=builtin", "name=rootless"}
	vm.Name = "colima"
	for what, c := range map[string]struct {
		info system.Info
		want bool
	}{"plain": {plain, true}, "desktop": {desktop, false}, "rootless": {rootless, false}, "vm": {vm, false}} {
		if sharesNetwork(c.info, "here") != c.want {
			t.Errorf("%s: direct is %t", what, !c.want)
		}
	}
}

// blackHole accepts connections and never says a word.
func blackHole(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return "tcp://" + l.Addr().String()
}

func writeFile(t *testing.T, name, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
